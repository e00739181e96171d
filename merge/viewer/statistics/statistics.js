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
 * @property {number} waiting     the time of its calls in which it, or what it called, waited
 * @property {{calls: number, total: number, own: number}} idle  what of these was in calls that wait, and in what such
 *                                calls called
 */

/** Sums by function. */
class Tally {
    /** @param {number} count  of functions @param {Set<number>} waits  functions that wait */
    constructor(count, waits) {
        this.waits = Uint8Array.from({ length: count }, (_, of) => Number(waits.has(of)));
        this.idleCalls = new Float64Array(count);
        this.idleTotal = new Float64Array(count);
        this.idleOwn = new Float64Array(count);
        /** The level of the outermost open call that waits, Infinity if none does. */
        this.waiting = Infinity;
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
        const { path, waits, calls, total, own, sum, max, raised, unfinished, outermost } = this;
        let { waiting } = this;
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
            if (level <= waiting) {
                waiting = waits[of] === 1 ? level : Infinity;
            }
            if (level >= waiting) {
                this.#wait(of, level, time, level > waiting);
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
        this.waiting = waiting;
    }

    /** Counts a call that waits, for itself and for the calls around it. `isWithin`: one around it waits, too. */
    #wait(of, level, time, isWithin) {
        const { path, outermost, idleCalls, idleTotal, idleOwn } = this;
        idleCalls[of] += 1;
        idleOwn[of] += time;
        idleTotal[of] += outermost[of] === level ? time : 0;
        if (isWithin) {
            idleOwn[path[level - 1]] -= time;
            return;
        }
        // The calls around a call that waits have waited, too, once for all that it calls.
        for (let at = 0; at < level; at += 1) {
            idleTotal[path[at]] += outermost[path[at]] === at ? time : 0;
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
                const idle = { calls: this.idleCalls[of], total: this.idleTotal[of], own: this.idleOwn[of] };
                const waiting = idle.total;
                rows.push({ function: of, calls, total, own, mean, max, raised, unfinished, waiting, idle });
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
    const tally = new Tally(functionsOf(trace), trace.functions.waits);
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

/**
 * Returns the rows without calls that wait and without their time in the calls around them, as `--busy` does. Times of
 * one call stay as they are. `leftOut` is the self time that is left out.
 * @param {Row[]} rows @returns {{rows: Row[], leftOut: number}}
 */
export function busy(rows, overwritten) {
    const left = rows.map((row) => {
        const { calls, total, own } = row.idle;
        const [left, self] = [Math.max(row.calls - calls, 0), Math.max(row.own - own, 0)];
        return { ...row, calls: left, total: row.total - total, own: self };
    });
    const leftOut = rows.reduce((sum, { idle }) => sum + idle.own, 0);
    const isLeft = ({ function: of, calls, total }) => calls > 0 || (of === overwritten && total > 0);
    return { rows: left.filter(isLeft), leftOut: Math.max(leftOut, 0) };
}

/** Returns the number of function ids. Calls can have an id without a name. */
export function functionsOf(trace) {
    return trace.functions.count + 1;
}
