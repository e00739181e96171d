// What is hidden in a range: see ../data/hiding.js.

import { runs } from "./range.js";
import { longer } from "./tree.js";

/**
 * Returns the number of hidden calls in a range, and their time that is no time of a shown call.
 * @param {import("./range.js").Range} range  of recorded tracks
 * @param {Uint8Array} hidden                 1 at the index of each hidden function
 * @returns {Generator<number, {calls: number, outside: number}>}
 */
export function* hiddenIn(range, hidden) {
    const { from, to } = range;
    /** By level, whether a shown call is open at it or around it. */
    let isInside = new Uint8Array(0);
    let [calls, outside] = [0, 0];
    yield* runs(range, ({ start, duration, function: functions }, first, last, levels, height) => {
        isInside = isInside.length < height ? longer(isInside, height) : isInside;
        for (let i = first; i < last; i += 1) {
            const level = levels[i - first];
            const isHidden = hidden[functions[i]] === 1;
            const around = level > 0 ? isInside[level - 1] : 0;
            isInside[level] = around === 1 || !isHidden ? 1 : 0;
            calls += isHidden ? 1 : 0;
            if (around === 0 && (isHidden ? level === 0 : level > 0)) {
                const time = Math.min(start[i] + duration[i], to) - Math.max(start[i], from);
                outside += isHidden ? time : -time;
            }
        }
    });
    return { calls, outside };
}
