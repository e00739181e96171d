// The calls that a range of time concerns, track by track. Calls that reach over its edges are clipped to it.

import { callers, endOf, firstFrom } from "../data/model.js";

/** Calls between two looks at the clock. */
const RUN = 1 << 16;

/**
 * What is asked about.
 * @typedef {object} Range
 * @property {number} from    nanoseconds; -Infinity for all
 * @property {number} to      the same; Infinity for all
 * @property {import("../data/model.js").Track[]} tracks
 */

/** All of a trace. @param {import("../data/model.js").Trace} trace @returns {Range} */
export function wholeOf(trace) {
    return { from: -Infinity, to: Infinity, tracks: trace.tracks };
}

/**
 * Calls `take(track, first, last)` for runs of the range's calls, callers before callees; yields what part is done.
 * Of a call that began before the range and lasts into it, the run is that call alone.
 * @param {Range} range
 * @param {(track: import("../data/model.js").Track, first: number, last: number) => void} take
 */
export function* runs({ from, to, tracks }, take) {
    const spans = tracks.map((track) => [track, firstFrom(track, from), firstFrom(track, to)]);
    const all = spans.reduce((sum, [, first, last]) => sum + last - first, 0) || 1;
    let done = 0;
    for (const [track, first, last] of spans) {
        for (const call of openAt(track, first, first < last, from)) {
            take(track, call, call + 1);
        }
        for (let at = first; at < last; at += RUN) {
            const end = Math.min(at + RUN, last);
            take(track, at, end);
            done += end - at;
            yield done / all;
        }
    }
}

/** The calls that began before a moment and last beyond it, outermost first; `next` is the first call from then on. */
function openAt(track, next, hasNext, time) {
    const open = [];
    const around = new Set(hasNext ? callers(track, next) : []);
    for (let call = next - 1; call >= 0; call = track.parent[call]) {
        // One that ends at that very moment is there if a call without duration is in it.
        if (endOf(track, call) > time || around.has(call)) {
            open.push(call);
        }
    }
    return open.reverse();
}
