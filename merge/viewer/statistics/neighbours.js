// The direct callers and callees of a function.

import { runs } from "./range.js";
import { longer } from "./tree.js";

/**
 * Returns the callers and callees of a function, each with the number of calls between the two and their time. The
 * time of a call inside another call between the same two functions is not counted again.
 * @param {import("./range.js").Range} range @param {number} of
 * @returns {Generator<number, {callers: Neighbour[], callees: Neighbour[]}>}
 *
 * @typedef {{function: number, calls: number, total: number}} Neighbour  function -1: no caller
 */
export function* neighbours(range, of) {
    const { from, to } = range;
    const [callers, callees] = [new Map(), new Map()];
    let path = new Int32Array(0);
    const callerAt = (level) => (level > 0 ? path[level - 1] : -1);
    const add = (entries, other, level, time) => {
        const entry = entries.get(other) ?? { function: other, calls: 0, total: 0, level: Infinity };
        entries.set(other, entry);
        entry.calls += 1;
        const { level: outer } = entry;
        if (!(outer < level && path[outer] === path[level] && callerAt(outer) === callerAt(level))) {
            entry.level = level;
            entry.total += time;
        }
    };
    yield* runs(range, ({ start, duration, function: functions }, first, last, levels, height) => {
        path = path.length < height ? longer(path, height) : path;
        for (let i = first; i < last; i += 1) {
            const level = levels[i - first];
            path[level] = functions[i];
            const caller = level > 0 ? path[level - 1] : -1;
            if (functions[i] === of || caller === of) {
                const time = Math.min(start[i] + duration[i], to) - Math.max(start[i], from);
                if (functions[i] === of) {
                    add(callers, caller, level, time);
                }
                if (caller === of) {
                    add(callees, functions[i], level, time);
                }
            }
        }
    });
    const rows = (entries) =>
        Array.from(entries.values(), ({ function: other, calls, total }) => ({ function: other, calls, total }));
    return { callers: rows(callers), callees: rows(callees) };
}
