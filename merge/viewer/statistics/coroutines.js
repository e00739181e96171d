// Coroutines by function: calls, latency from the first resume to the end, and how much of it was awaiting. The numbers
// of a whole trace equal those of `--top N --tasks`. Of a range of time, they are of the calls that begin in it.

import { RAISED, UNFINISHED, ABANDONED, YIELDED } from "../data/model.js";
import { ENDS, LATER_PIECE, NO_PIECE, piecesOf } from "../data/lives.js";

/** Calls between two reads of the clock. */
const RUN = 1 << 16;

/**
 * @typedef {object} CoroutineRow
 * @property {number} function
 * @property {number} calls
 * @property {number} resumes     how many times calls went on after they had awaited
 * @property {number} p50         half of the calls whose whole time is known took no longer
 * @property {number} p99
 * @property {number} max
 * @property {number} awaiting
 * @property {number} running
 * @property {number} raised
 * @property {number} unfinished  calls that had not ended when the recording did
 * @property {number} unknown     calls of which the begin or the end is unknown
 */

class Counts {
    constructor(of) {
        Object.assign(this, { function: of, calls: 0, resumes: 0, awaiting: 0, running: 0 });
        Object.assign(this, { raised: 0, unfinished: 0, unknown: 0 });
        /** Of the calls whose whole time is known. @type {number[]} */
        this.latencies = [];
    }

    life({ resumes, duration, running, end, isBeginUnknown }, at) {
        this.calls += 1;
        this.resumes += resumes[at];
        this.awaiting += Math.max(0, duration[at] - running[at]);
        this.running += running[at];
        const how = ENDS[end[at]];
        if (!isBeginUnknown[at] && (how === "returned" || how === "raised")) {
            this.raised += how === "raised" ? 1 : 0;
            this.latencies.push(duration[at]);
        } else if (!isBeginUnknown[at] && how === "unfinished") {
            this.unfinished += 1;
        } else {
            this.unknown += 1;
        }
    }

    /** Adds a call that never awaited. */
    single(duration, flags) {
        this.calls += 1;
        this.running += duration;
        if (flags & UNFINISHED) {
            this.unfinished += 1;
        } else if (flags & ABANDONED) {
            this.unknown += 1;
        } else {
            this.raised += flags & RAISED ? 1 : 0;
            this.latencies.push(duration);
        }
    }

    /** @returns {CoroutineRow} */
    row() {
        const { latencies, ...numbers } = this;
        const sorted = Float64Array.from(latencies).sort();
        const [p50, p99] = [50, 99].map((percent) => percentile(sorted, percent));
        return { ...numbers, whole: sorted.length, p50, p99, max: sorted.at(-1) ?? 0 };
    }
}

/**
 * Returns the duration that so many hundredths do not exceed, as the command prints it: the middle of a bucket of
 * durations that is less than 1 % wide.
 * @param {Float64Array} sorted
 */
export function percentile(sorted, percent) {
    if (sorted.length === 0) {
        return 0;
    }
    const exact = sorted[Math.max(1, Math.ceil((sorted.length * percent) / 100)) - 1];
    const width = 2 ** Math.max(0, Math.floor(Math.log2(exact || 1)) - 6);
    const middle = Math.floor(exact / width) * width + Math.floor(width / 2);
    return Math.min(Math.max(middle, sorted[0]), sorted.at(-1));
}

/** Returns the shown functions that await anywhere in a trace. @param {import("../data/model.js").Trace} trace */
function coroutineFunctions({ tracks, hidden }) {
    const functions = new Set();
    for (const { lives } of tracks.filter((track) => track.lives)) {
        lives.function.forEach((of) => functions.add(of));
    }
    functions.delete(-1);
    return new Set([...functions].filter((of) => hidden?.functions[of] !== 1));
}

/**
 * Returns the coroutines of a range, and how many tasks have run in it.
 * @param {import("../data/model.js").Trace} trace @param {import("./range.js").Range} range
 * @returns {Generator<number, {rows: CoroutineRow[], tasks: number, unfinishedTasks: number, awaiting: number,
 *     running: number}>}
 */
export function* coroutines(trace, { from, to, tracks }) {
    const functions = coroutineFunctions(trace);
    const rows = new Map([...functions].map((of) => [of, new Counts(of)]));
    const sum = { tasks: 0, unfinishedTasks: 0, awaiting: 0, running: 0 };
    const own = tracks.filter((track) => track.lives);
    const all = own.reduce((so, { count }) => so + count, 0) || 1;
    let done = 0;
    for (const track of own) {
        const { lives } = track;
        for (let at = 0; at < lives.count; at += 1) {
            if (lives.start[at] < from || lives.start[at] >= to) {
                continue;
            }
            if (lives.function[at] >= 0) {
                rows.get(lives.function[at])?.life(lives, at);
            } else {
                sum.tasks += 1;
                sum.unfinishedTasks += ENDS[lives.end[at]] === "unfinished" ? 1 : 0;
                sum.awaiting += Math.max(0, lives.duration[at] - lives.running[at]);
                sum.running += lives.running[at];
            }
        }
        const { kinds } = piecesOf(track);
        for (let call = 0; call < track.count; call += 1) {
            const time = track.start[call];
            if (kinds[call] === NO_PIECE && time >= from && time < to && (track.flags[call] & YIELDED) === 0) {
                rows.get(track.function[call])?.single(track.duration[call], track.flags[call]);
            }
            if (call % RUN === 0) {
                yield (done + call) / all;
            }
        }
        done += track.count;
    }
    return { rows: [...rows.values()].filter(({ calls }) => calls > 0).map((counts) => counts.row()), ...sum };
}

/**
 * Returns how many calls of each function in a range are resumes of coroutines.
 * @param {import("./range.js").Range} range @returns {Map<number, number>}
 */
export function resumesIn({ from, to, tracks }) {
    const found = new Map();
    for (const track of tracks.filter(({ lives }) => lives)) {
        const { kinds } = piecesOf(track);
        for (let call = 0; call < track.count && track.start[call] < to; call += 1) {
            if (kinds[call] === LATER_PIECE && track.start[call] + track.duration[call] > from) {
                found.set(track.function[call], (found.get(track.function[call]) ?? 0) + 1);
            }
        }
    }
    return found;
}

/**
 * Returns how many of these calls are resumes of coroutines.
 * @param {import("../data/model.js").Track[]} tracks
 * @param {Map<number, Iterable<number>>} calls  by index of the track
 */
export function resumesAmong(tracks, calls) {
    let found = 0;
    for (const [index, own] of calls) {
        const track = tracks[index];
        for (const call of track?.lives ? own : []) {
            found += piecesOf(track).kinds[call] === LATER_PIECE ? 1 : 0;
        }
    }
    return found;
}
