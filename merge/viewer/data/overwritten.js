// Time with unknown calls: the events that ended then were overwritten. It is modelled as calls of "[overwritten]"
// inside the innermost known call, so it is not self time of any function.

import { endOf, firstFrom } from "./model.js";

/**
 * Returns this time as a track that is not drawn.
 * @param {unknown[]} times  begins and ends, in order
 * @param {number} of  the function "[overwritten]"
 * @param {number} zero  offset that is subtracted from all times
 * @returns {import("./model.js").Unknown}
 */
export function unknownTime(times, of, zero) {
    const all = Float64Array.from(times, Number).filter(Number.isFinite).map((time) => Math.max(0, time - zero));
    const count = all.length >>> 1;
    return {
        count,
        start: Float64Array.from({ length: count }, (_, i) => all[2 * i]),
        duration: Float64Array.from({ length: count }, (_, i) => Math.max(0, all[2 * i + 1] - all[2 * i])),
        function: new Uint32Array(count).fill(of),
        parent: new Int32Array(count).fill(-1),
        depth: new Uint16Array(count),
        flags: new Uint8Array(count),
    };
}

/**
 * Returns the unknown time of a call, in which it was the innermost known call. The known calls that were open in such
 * time end after it.
 * @param {import("./model.js").Track} track @param {number} call
 */
export function unknownIn(track, call) {
    let sum = 0;
    for (const unknown of track.unknown ?? []) {
        const end = firstFrom(unknown, endOf(track, call));
        for (let at = firstFrom(unknown, track.start[call]); at < end; at += 1) {
            sum += innermost(track, unknown, at) === call ? unknown.duration[at] : 0;
        }
    }
    return sum;
}

/** Returns the innermost known call that was open in unknown time. Some may have ended before, if others are hidden. */
function innermost(track, unknown, at) {
    const end = endOf(unknown, at);
    let call = firstFrom(track, unknown.start[at] + 1) - 1;
    while (call >= 0 && endOf(track, call) < end) {
        call = track.parent[call];
    }
    return call;
}
