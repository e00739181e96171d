// The two sides of a page that compares runs.

import { list, number } from "./header.js";

/**
 * @typedef {object} Comparison
 * @property {boolean[]} isHead  by process, whether it is one of the head
 * @property {number[]} runs     how many runs the base and the head have
 * @property {number[]} same     by function, the first one of the same name and module
 */

/**
 * Returns what a header says of the sides, or null if it compares nothing.
 * @param {unknown} of @param {number} processes @returns {Comparison|null}
 */
export function comparisonOf(of, processes) {
    if (of === null || typeof of !== "object") {
        return null;
    }
    const isHead = Array.from({ length: processes }, (_, index) => list(of.isHead)[index] === true);
    const runs = [0, 1].map((side) => Math.max(number(list(of.runs)[side]), 1));
    const same = list(of.same).map((first, index) => (Number.isInteger(first) && first >= 0 && first < index ? first : index));
    return { isHead, runs, same };
}
