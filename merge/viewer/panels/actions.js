// The buttons at the end of the toolbar: downloads, picture, help.

import { recordedTrace } from "../data/hiding.js";
import { download, fileName } from "../export/download.js";
import { chromeJson } from "../export/json.js";
import { perfettoTrace } from "../export/pftrace.js";
import { picture } from "../export/screenshot.js";
import { inSlices } from "../statistics/slices.js";
import { button, counted } from "./element.js";
import { menuOf } from "./menu.js";

/**
 * @param {HTMLElement} parent
 * @param {import("../data/model.js").Trace} trace
 * @param {{picture: () => HTMLCanvasElement, csv: () => Promise<string>, help: () => void,
 *     announce: (text: string) => void}} page
 */
export function actions(parent, trace, page) {
    const stem = fileName(trace.title);
    const working = (what) => (done) => page.announce(`${what}: ${Math.round(done * 100)} %`);
    const save = (blob, ending) => {
        download(blob, stem + ending);
        page.announce(`${stem}${ending}: ${counted(Math.ceil(blob.size / 1000), "kilobyte")}`);
    };
    const json = async () => {
        const pieces = await inSlices(chromeJson(recordedTrace(trace)), { progress: working("Writing JSON") });
        save(new Blob(pieces, { type: "application/json" }), ".json");
    };
    const perfetto = async () => {
        const { pieces, tooDeep } = await inSlices(perfettoTrace(recordedTrace(trace)), { progress: working("Writing for Perfetto") });
        save(new Blob(pieces, { type: "application/octet-stream" }), ".pftrace");
        if (tooDeep > 0) {
            page.announce(`${counted(tooDeep, "call")} too deep for Perfetto, which draws 512 levels, were left out.`);
        }
    };
    const table = async () => save(new Blob([await page.csv()], { type: "text/csv" }), ".csv");
    const image = async () => save(await picture(page.picture()), ".png");
    const entry = (text, hint, act) => button(text, () => guarded(act, menu, page.announce), { title: hint });
    const menu = menuOf(
        "Save",
        entry("Chrome trace (.json)", "For Perfetto, chrome://tracing and scripts", json),
        entry("Perfetto (.pftrace)", "Smaller and faster to open in Perfetto", perfetto),
        entry("Functions (.csv)", "The table of functions, of the chosen range", table),
        entry("Picture (.png)", "The timeline as it is now", image),
    );
    parent.append(
        menu,
        button("?", page.help, { "aria-label": "Help: keys", title: "Keys (?)", "aria-keyshortcuts": "?" }),
    );
}

/** Runs an action, and announces its error if it fails. */
async function guarded(act, menu, announce) {
    menu.open = false;
    menu.firstChild.focus();
    try {
        await act();
    } catch (error) {
        announce(`This did not work: ${error.message}`);
    }
}
