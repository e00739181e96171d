// The number of calls and the time of functions in a range. The numbers equal those of `--top`: total counts
// recursion once per thread, for all tasks of the thread; self is without callees and without the tasks that a call
// ran.

import { RAISED, UNFINISHED } from "../data/model.js";
import { runs } from "./range.js";
import { longer } from "./tree.js";

/**
 * @typedef {object} Row
 * @property {number} function
 * @property {number} calls
 * @property {number} total       nanoseconds in the function, recursion counted once
 * @property {number} own         the same without callees
 * @property {number} mean        average of a call
 * @property {number} max         the longest call
 * @property {number} raised      calls that an exception ended
 * @property {number} unfinished  calls that never ended
 */

/** Sums by function. */
class Tally {
    constructor(count) {
        this.calls = new Float64Array(count);
        this.total = new Float64Array(count);
        this.own = new Float64Array(count);
        this.sum = new Float64Array(count);
        this.max = new Float64Array(count);
        this.raised = new Uint32Array(count);
        this.unfinished = new Uint32Array(count);
        /** The function of the open call by level. */
        this.path = new Int32Array(0);
        /** By function, the level of its outermost open call; it is still open only if the path contains it. */
        this.outermost = new Int32Array(count).fill(-1);
    }

    /** Adds calls. @type {import("./range.js").Taker} */
    add({ start, duration, function: functions, flags }, first, last, levels, { from, to }) {
        const { path, calls, total, own, sum, max, raised, unfinished, outermost } = this;
        for (let i = first; i < last; i += 1) {
            const of = functions[i];
            const level = levels[i - first];
            const begin = start[i];
            const end = begin + duration[i];
            const time = (end < to ? end : to) - (begin > from ? begin : from);
            const around = outermost[of];
            path[level] = of;
            if (!(around >= 0 && around < level && path[around] === of)) {
                outermost[of] = level;
                total[of] += time;
            }
            calls[of] += 1;
            sum[of] += time;
            own[of] += time;
            if (time > max[of]) {
                max[of] = time;
            }
            if (level > 0) {
                own[path[level - 1]] -= time;
            }
            if (flags[i] !== 0) {
                raised[of] += flags[i] & RAISED ? 1 : 0;
                unfinished[of] += flags[i] & UNFINISHED ? 1 : 0;
            }
        }
    }

    /** @returns {Row[]} */
    rows() {
        const rows = [];
        this.calls.forEach((calls, of) => {
            if (calls > 0) {
                const mean = Math.floor((this.sum[of] + Math.floor(calls / 2)) / calls);
                const [total, own, max] = [this.total[of], Math.max(this.own[of], 0), this.max[of]];
                const [raised, unfinished] = [this.raised[of], this.unfinished[of]];
                rows.push({ function: of, calls, total, own, mean, max, raised, unfinished });
            }
        });
        return rows;
    }
}

/** Returns the functions of a range.
 * @param {import("../data/model.js").Trace} trace
 * @param {import("./range.js").Range} range
 * @returns {Generator<number, Row[]>}
 */
export function* statistics(trace, range) {
    const tally = new Tally(functionsOf(trace));
    yield* runs(range, (track, first, last, levels, height) => {
        if (tally.path.length < height) {
            tally.path = longer(tally.path, height);
        }
        tally.add(track, first, last, levels, range);
    });
    const { overwritten } = trace.functions;
    // "[overwritten]" is not a function.
    return tally.rows().map((row) => (row.function === overwritten ? { ...row, calls: 0, mean: 0, max: 0 } : row));
}

/** Returns the number of function ids. Calls can have an id without a name. */
export function functionsOf(trace) {
    return trace.functions.count + 1;
}
