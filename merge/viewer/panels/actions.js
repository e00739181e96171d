// The buttons at the end of the toolbar: downloads, picture, help.

import { recordedTrace } from "../data/hiding.js";
import { download, fileName } from "../export/download.js";
import { cutTrace } from "../export/cut.js";
import { folded } from "../export/folded.js";
import { chromeJson } from "../export/json.js";
import { perfettoTrace } from "../export/pftrace.js";
import { picture } from "../export/screenshot.js";
import { inSlices } from "../statistics/slices.js";
import { timeText } from "../timeline/ruler.js";
import { button, counted, element } from "./element.js";
import { menuOf } from "./menu.js";
import { whyNot } from "./served.js";

/**
 * @param {HTMLElement} parent
 * @param {import("../data/model.js").Trace} trace
 * @param {{picture: () => HTMLCanvasElement, csv: () => Promise<string>, html: (() => Blob)|null, help: () => void,
 *     scope: import("./scope.js").Scope, announce: (text: string) => void}} page
 */
export function actions(parent, trace, page) {
    const { scope } = page;
    const working = (what) => ({ progress: (done) => page.announce(`${what}: ${Math.round(done * 100)} %`) });
    const save = (blob, name) => {
        download(blob, name);
        page.announce(`${name}: ${counted(Math.ceil(blob.size / 1000), "kilobyte")}`);
    };
    const nameOf = (ending) => fileName(trace.title) + suffixOf(scope) + ending;
    // Traces have all calls, also those that the page hides. Stacks and functions are as the page shows them.
    const check = () => {
        const why = whyNot(trace, scope);
        if (why !== "") {
            throw new Error(`${why} Or use viztracer-merge, which writes files of any size.`);
        }
    };
    const part = async () => {
        check();
        const all = recordedTrace(trace);
        return scope.isAll ? all : inSlices(cutTrace(all, scope.partOf(all)), working("Cutting"));
    };
    // The range may change while a file is written: its name is that of the range at the begin.
    const json = async () => {
        const name = nameOf(".json");
        const pieces = await inSlices(chromeJson(await part()), working("Writing JSON"));
        save(new Blob(pieces, { type: "application/json" }), name);
    };
    const stacks = async () => {
        check();
        const name = nameOf(".folded");
        const text = await inSlices(folded(trace.functions, scope.range), working("Counting stacks"));
        save(new Blob([text], { type: "text/plain" }), name);
    };
    const perfetto = async () => {
        const name = nameOf(".pftrace");
        const { pieces, tooDeep } = await inSlices(perfettoTrace(await part()), working("Writing for Perfetto"));
        save(new Blob(pieces, { type: "application/octet-stream" }), name);
        if (tooDeep > 0) {
            page.announce(`${counted(tooDeep, "call")} too deep for Perfetto, which draws 512 levels, were left out.`);
        }
    };
    const table = async () => {
        const name = nameOf(".csv");
        save(new Blob([await page.csv()], { type: "text/csv" }), name);
    };
    const image = async () => save(await picture(page.picture()), `${fileName(trace.title)}.png`);
    const html = async () => save(page.html(), `${fileName(trace.title)}.html`);
    const entry = (text, hint, act) => button(text, () => guarded(act, menu, page.announce), { title: hint });
    const what = element("p", { className: "hint" });
    const menu = menuOf(
        "Save",
        what,
        entry("Chrome trace (.json)", "For Perfetto, chrome://tracing and scripts", json),
        entry("Perfetto (.pftrace)", "Smaller and faster to open in Perfetto", perfetto),
        entry("Stacks (.folded)", "For flame graph tools: the own time of each stack", stacks),
        entry("Functions (.csv)", "The table of functions", table),
        entry("Picture (.png)", "The timeline as it is now", image),
        ...(page.html ? [entry("Page with notes (.html)", "This page with the whole trace and your notes", html)] : []),
    );
    menu.addEventListener("toggle", () => {
        what.textContent = scopeText(scope);
    });
    parent.append(
        menu,
        button("?", page.help, { "aria-label": "Help: keys", title: "Keys (?)", "aria-keyshortcuts": "?" }),
    );
}

/** Returns what files of a scope have behind their name. */
function suffixOf({ isAll, isWhole, from, to }) {
    const times = [Math.max(from, 0), to].map((time) => timeText(time).replaceAll(" ", ""));
    return isAll ? "" : isWhole ? "-part" : `-${times.join("-")}`;
}

/** Returns what is saved, in words. */
function scopeText({ isAll, isWhole, where, text }) {
    const tracks = where === "" ? "all tracks" : "the chosen tracks";
    const clipped = isWhole ? "" : " Calls that cross an edge are cut there and marked as clipped.";
    return isAll ? "Of the whole trace:" : `Of ${tracks} in ${text}.${clipped}`;
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
