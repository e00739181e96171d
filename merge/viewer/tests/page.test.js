// The page as a file, with notes.

import assert from "node:assert/strict";
import test from "node:test";
import { originalOf, pageWith } from "../export/page.js";

const PAGE = '<html lang="en"><head><title>t</title></head><body><p>a</p></body></html>';
const SAVED = `<!DOCTYPE html>\n${PAGE.replace("</body>", '<script class="block">H4sI</script>\n</body>')}`;

/** A document that has this text, a block of data, and notes of this text or none. */
function documentOf(outerHTML, notes) {
    const removed = [];
    const element = (name, textContent) => ({ textContent, remove: () => removed.push(name) });
    const block = { ...element("block", "H4sI"), cloneNode: () => ({ outerHTML: '<script class="block"></script>' }) };
    return {
        removed,
        documentElement: { outerHTML },
        body: { append: (...data) => removed.push(`${data.length} back`) },
        querySelectorAll: () => [block],
        getElementById: (id) => (id === "notes" && notes !== undefined ? element("notes", notes) : null),
        querySelector: (selector) => (selector === "script[type=importmap]" ? element("importmap", "") : null),
    };
}

test("a saved page is the page, with notes that end no element", async () => {
    const document = documentOf(PAGE);
    const original = originalOf(document);
    assert.deepEqual([document.removed, original.notes], [["importmap", "block", "1 back"], []]);
    assert.equal(await pageWith(original, []).text(), SAVED);
    const notes = [["s0_1", "</script><script>throw 1</script>"]];
    const text = await pageWith(original, notes).text();
    const [before, rest] = text.split('<script type="application/json" id="notes">');
    const [json, after] = rest.split("</script>\n");
    assert.deepEqual(JSON.parse(json), notes);
    assert.equal(before + after, SAVED);
});

test("notes of a file are read, and damaged ones are none", () => {
    const document = documentOf(PAGE, '[["s0_1","x"]]');
    assert.deepEqual(originalOf(document).notes, [["s0_1", "x"]]);
    assert.deepEqual(document.removed, ["notes", "importmap", "block", "1 back"]);
    assert.deepEqual(originalOf(documentOf(PAGE, "[[")).notes, []);
});

test("a page that a notebook shows in a frame is saved as it was", async () => {
    const framed = PAGE.replace("<head>", '<head><base href="about:srcdoc">');
    assert.equal(await pageWith(originalOf(documentOf(framed)), []).text(), SAVED);
});
