// Functions right above and below one function.

import { runs } from "./range.js";
import { longer } from "./tree.js";

/**
 * The callers and the callees of a function, each with the calls between the two and the time in them; a call that is
 * inside another one between the same two counts as a call, but not with its time.
 * @param {import("./range.js").Range} range @param {number} of
 * @returns {Generator<number, {callers: Neighbour[], callees: Neighbour[]}>}
 *
 * @typedef {{function: number, calls: number, total: number}} Neighbour  function -1: it was called by none
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
