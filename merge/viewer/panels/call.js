// Facts about one call.

import { unknownIn } from "../data/overwritten.js";
import { afterSubtree, endOf, firstFrom, UNFINISHED } from "../data/model.js";

/**
 * Returns the direct callees of a call by function, its self time, and its unknown time.
 * @param {import("../data/model.js").Track} track
 * @param {number} call
 * @returns {{own: number, unknown: number, callees: {function: number, calls: number, total: number, first: number}[]}}
 */
export function callees(track, call) {
    const end = afterSubtree(track, call);
    const found = new Map();
    let own = track.duration[call];
    for (let at = call + 1; at < end; at += 1) {
        if (track.parent[at] !== call) {
            continue;
        }
        const of = track.function[at];
        let entry = found.get(of);
        if (entry === undefined) {
            entry = { function: of, calls: 0, total: 0, first: at };
            found.set(of, entry);
        }
        entry.calls += 1;
        entry.total += track.duration[at];
        own -= track.duration[at];
    }
    const unknown = unknownIn(track, call);
    return { own: Math.max(0, own - unknown), unknown, callees: [...found.values()] };
}

/**
 * Returns the next call of a function in a range after another call, or the first one if there is none.
 * @param {import("../statistics/range.js").Range} range
 * @param {number} of
 * @param {{track: import("../data/model.js").Track, call: number}|null} after
 */
export function nextCall(range, of, after) {
    let best = null;
    for (const track of range.tracks) {
        const end = firstFrom(track, range.to);
        for (let call = 0; call < end; call += 1) {
            if (track.function[call] === of && endOf(track, call) >= range.from && isAfter(track, call, after)) {
                if (best === null || track.start[call] < best.track.start[best.call]) {
                    best = { track, call };
                }
                break;
            }
        }
    }
    return best ?? (after === null ? null : nextCall(range, of, null));
}

/** Compares by time, then by track. */
function isAfter(track, call, after) {
    if (after === null) {
        return true;
    }
    const later = track.start[call] - after.track.start[after.call];
    return later > 0 || (later === 0 && (track.index - after.track.index || call - after.call) > 0);
}

/**
 * Returns the calls that ended last, newest last.
 * @param {import("../data/model.js").Track} track
 * @param {number} most
 */
export function lastEnded(track, most) {
    const { count, flags } = track;
    let last = [];
    let least = -Infinity;
    for (let call = 0; call < count; call += 1) {
        if ((flags[call] & UNFINISHED) === 0 && endOf(track, call) >= least) {
            last.push(call);
            if (last.length === 2 * most) {
                last = newest(track, last, most);
                least = endOf(track, last[0]);
            }
        }
    }
    return newest(track, last, most);
}

/** Callees end before their callers. */
function newest(track, calls, most) {
    return calls.sort((a, b) => endOf(track, a) - endOf(track, b) || b - a).slice(-most);
}

/**
 * Returns the meaning of a call's flags.
 * @param {number} flags
 * @param {{state: string}} process
 * @returns {string[]}
 */
export function flagWords(flags, { state }) {
    const never = {
        sealed: "had not returned when tracing stopped",
        crashed: "had not returned when the process ended",
        living: "had not returned when the report was written",
        unknown: "had not returned when it was last seen",
    };
    const words = [
        never[state],
        "an exception left it",
        "its frame was thrown away before it returned",
        "only a part of it is in the report",
        "it began in the parent process",
        "it yielded",
    ];
    return words.filter((_, bit) => flags & (1 << bit));
}
