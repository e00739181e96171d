// The line that says that only the wall clock relates the times of several boots. Its button lets all runs begin
// together, and back.

import { timeText } from "../timeline/ruler.js";
import { button, element } from "./element.js";

/**
 * Returns the line, or nothing if all times are of one clock.
 * @param {import("../data/model.js").Trace} trace
 * @param {(align: "start"|undefined) => void} turn  reads the report again with this alignment
 * @returns {HTMLElement[]}
 */
export function clocksLine({ starts, areTogether, opening }, turn) {
    if (!starts) {
        return [];
    }
    const [text, title] = areTogether
        ? ["Use the wall clock", "Show the times that the wall clocks of the machines give"]
        : ["Align the starts", "Let all runs begin at the same time, as viztracer-merge --align start does"];
    const canMove = starts.shifts.some((shift) => shift !== starts.shifts[0]);
    const line = element(
        "section",
        { className: "ends", "aria-label": "Clocks" },
        element("bdi", {}, words(starts, areTogether, opening)),
        canMove ? button(text, () => turn(areTogether ? undefined : "start"), { className: "link", title }) : "",
        button("×", () => line.remove(), { className: "dismiss", "aria-label": "Hide the line about clocks" }),
    );
    return [line];
}

/** Returns what the line says. */
export function words({ boots, uncertainty }, areTogether, opening) {
    const of = `These recordings are of ${boots} boots.`;
    if (areTogether) {
        return `${of} All runs are moved to begin together: times of different runs tell no order. Saved files keep ` +
            "the wall clock's times.";
    }
    const shown = opening ? " The first runs are shown; press 0 for all." : "";
    return `${of} Only the wall clock relates their times, and it was off by at least ${timeText(uncertainty)}.${shown}`;
}
