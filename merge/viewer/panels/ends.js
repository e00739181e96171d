// The line that says at once that processes did not end normally. It leads to their last words.

import { button, element, grouped } from "./element.js";

/** Processes that the line names. */
const NAMED = 3;

/** Returns the processes that did not end normally. @param {import("../data/model.js").Trace} trace */
export function abnormal({ processes }) {
    return processes.filter(({ isAbnormal }) => isAbnormal);
}

/**
 * Returns the line, or nothing if all processes ended normally.
 * @param {import("../data/model.js").Trace} trace
 * @param {() => void} open  opens the last words
 * @returns {HTMLElement[]}
 */
export function endsLine(trace, open) {
    const dead = abnormal(trace);
    if (dead.length === 0) {
        return [];
    }
    const named = dead.slice(0, NAMED).map(({ label, pid, ending }) => `${label} (pid ${pid}) ${ending}`);
    const rest = dead.length > NAMED ? ` and ${grouped(dead.length - NAMED)} more` : "";
    const words = `${dead.length === 1 ? "1 process" : `${grouped(dead.length)} processes`} did not end normally`;
    const line = element(
        "section",
        { className: "ends", "aria-label": "Ends of processes" },
        button(words, open, { className: "link", title: "Show the last words" }),
        element("bdi", {}, `: ${named.join("; ")}${rest}`),
        button("×", () => line.remove(), { className: "dismiss", "aria-label": "Hide this line" }),
    );
    return [line];
}
