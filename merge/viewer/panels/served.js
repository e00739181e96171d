// What the page of a served trace says of its calls that are not loaded.

import { timeText } from "../timeline/ruler.js";
import { button, element, grouped } from "./element.js";

/** Returns the word for calls that are counted in the page. @param {import("../data/model.js").Trace} trace */
export function callWord({ served }) {
    return served ? "loaded call" : "call";
}

/**
 * Says why the calls of a range cannot be counted in the page, and what to do; "" if they can.
 * @param {import("../data/model.js").Trace} trace @param {{from: number, to: number}} range
 */
export function whyNot({ loaded }, range) {
    if (!loaded || loaded.isWhole(range)) {
        return "";
    }
    const now = timeText(loaded.shortest(range));
    return `Zoom in, or choose a shorter range, until all calls of it are loaded (now: calls of ${now} and more).`;
}

/** Says how many calls the trace has, and which of the visible time are merged. */
export function servedCounts({ served, loaded }, view) {
    const shortest = loaded.shortest(view);
    const merged = `calls shorter than ${timeText(shortest)} are merged here`;
    return `${grouped(served.calls)} calls; ${shortest > 0 ? merged : "every call of this part is shown"}`;
}

/**
 * Returns the line about what the page of a served trace lacks, or nothing.
 * @param {import("../data/model.js").Trace} trace
 */
export function servedLine({ served, processes }) {
    const words = [];
    if (served && processes.some(({ state }) => state === "living")) {
        words.push("This is the trace as it was when the page was opened: load it again for newer calls.");
    }
    if (served && processes.some(({ tracks }) => tracks.some(({ kind }) => kind === "task"))) {
        words.push("Coroutines are not counted in a trace of this size: viztracer-merge --top 20 --tasks counts them.");
    }
    if (words.length === 0) {
        return [];
    }
    const line = element(
        "section",
        { className: "ends", "aria-label": "Large trace" },
        element("span", {}, words.join(" ")),
        button("×", () => line.remove(), { className: "dismiss", "aria-label": "Hide the line about the large trace" }),
    );
    return [line];
}
