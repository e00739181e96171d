// What other tracks did during a call: the self time of their functions in that time, without calls that wait.

import { endOf, ofCalls } from "../data/model.js";
import { runs, withTasks } from "./range.js";

/**
 * A function on a track.
 * @typedef {{function: number, track: import("../data/model.js").Track, time: number,
 *     of: import("../data/model.js").Track, call: number, longest: number}} Meanwhile  `of` and `call`: its longest
 *     call in that time, `track`: the thread that it is on
 *
 * @param {import("../data/model.js").Trace} trace
 * @param {import("../data/model.js").Track} track @param {number} call
 * @returns {Generator<number, Meanwhile[]>} the longest first
 */
export function* meanwhile({ tracks, functions }, track, call) {
    const own = new Set([track, ...(track.parts ?? []).map(({ thread }) => thread)]);
    const others = ofCalls(tracks).filter((of) => !of.parts && of.count > 0 && !own.has(of));
    const [from, to] = [track.start[call], endOf(track, call)];
    const rows = [];
    for (const [at, other] of others.entries()) {
        const found = new Busy(functions, from, to);
        for (const done of runs({ from, to, tracks: withTasks(other) }, (...run) => found.add(...run))) {
            yield (at + done) / others.length;
        }
        rows.push(...found.rows.map((row) => ({ ...row, track: other })));
    }
    return rows.sort((one, other) => other.time - one.time);
}

/** Sums up the functions of a thread that do not wait. */
class Busy {
    #found = new Map();
    /** By level, the row of the open call; null if it waits, or one around it. */
    #open = [];

    constructor({ waits, overwritten }, from, to) {
        Object.assign(this, { waits, overwritten, from, to });
    }

    get rows() {
        return [...this.#found.values()].filter(({ time }) => time > 0);
    }

    /** @type {import("./range.js").Taker} */
    add(track, first, last, levels) {
        for (let i = first; i < last; i += 1) {
            const level = levels[i - first];
            const caller = level > 0 ? this.#open[level - 1] : undefined;
            this.#open[level] = this.#row(track, i, caller);
        }
    }

    #row(track, call, caller) {
        const of = track.function[call];
        const time = Math.min(endOf(track, call), this.to) - Math.max(track.start[call], this.from);
        if (caller) {
            caller.time -= time;
        }
        if (caller === null || this.waits.has(of) || of === this.overwritten) {
            return null;
        }
        const row = this.#found.get(of) ?? { function: of, time: 0, of: track, call, longest: -1 };
        this.#found.set(of, row);
        row.time += time;
        return time > row.longest ? Object.assign(row, { of: track, call, longest: time }) : row;
    }
}
