// The page as a file: as it was written, with the notes of the reader. Notes can contain anything, so the file has no
// "<" of them.

/** How a document ends. */
const END = "</body></html>";
/** What a notebook adds for the frame below a cell. */
const OF_FRAME = '<base href="about:srcdoc">';
/** The elements with the data of the trace. */
const DATA = "script.block, script.lives, script.source, #header";

/**
 * The page as it was written.
 * @typedef {{page: Blob, notes: unknown}} Original  `page` is without notes and without its end; `notes` are those with
 *     which it was saved, if it was
 */

/**
 * Returns the page as it was written. This must come before its data is taken out of it.
 * @param {Document} document @returns {Original}
 */
export function originalOf(document) {
    const own = document.getElementById("notes");
    [own, document.querySelector("script[type=importmap]")].forEach((element) => element?.remove());
    // The browser writes large elements slowly, and their texts are here already.
    const data = [...document.querySelectorAll(DATA)];
    data.forEach((element) => element.remove());
    const text = document.documentElement.outerHTML.slice(0, -END.length).replace(OF_FRAME, "");
    document.body.append(...data);
    return { page: new Blob(["<!DOCTYPE html>\n", text, ...data.flatMap(piecesOf)]), notes: parsed(own?.textContent) };
}

/** Returns an element with a text that contains no tags. @param {HTMLScriptElement} element */
function piecesOf(element) {
    const [begin] = element.cloneNode(false).outerHTML.split("</");
    return [begin, element.textContent, "</script>\n"];
}

/** Returns the page with notes. @param {Original} original @param {[string, string][]} notes */
export function pageWith({ page }, notes) {
    const json = JSON.stringify(notes).replaceAll("<", "\\u003c");
    const element = notes.length > 0 ? `<script type="application/json" id="notes">${json}</script>\n` : "";
    return new Blob([page, element, END], { type: "text/html" });
}

function parsed(text) {
    try {
        return JSON.parse(text ?? "[]");
    } catch {
        return [];
    }
}
