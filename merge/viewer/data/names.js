// What a call is called in addresses: by its index among the recorded calls of its track. A served trace is loaded part
// by part, so there an index names nothing that lasts: a call is named by its begin and its depth, as "120_3".

import { recordedCall, shownCall } from "./hiding.js";
import { firstFrom } from "./model.js";

/** Returns the name of a call. @param {import("./model.js").Track} track @returns {number|string} */
export function nameOf(track, call) {
    if (!track.isServed) {
        return recordedCall(track, call);
    }
    const recorded = recordedCall(track, call);
    const { start, depth } = track.recorded ?? track;
    return `${Math.round(start[recorded])}_${depth[recorded]}`;
}

/**
 * Returns the call of a name: if it is merged into another one, that one; if it is hidden, its innermost shown caller;
 * or -1. @param {import("./model.js").Track} track @param {number|string} name
 */
export function callOf(track, name) {
    return shownCall(track, track.isServed ? recordedOf(track, String(name)) : Number(name));
}

/** Returns the innermost recorded call, up to the depth of the name, that was there at its begin. */
function recordedOf(track, name) {
    const [begin, level] = name.split("_").map(Number);
    const all = track.recorded ?? track;
    let call = firstFrom(all, begin + 1) - 1;
    while (call >= 0 && (all.depth[call] > level || all.start[call] + all.duration[call] < begin)) {
        // The calls of one begin stand together, callers first.
        call = all.start[call] === begin && all.depth[call] > level ? call - 1 : all.parent[call];
    }
    return call;
}
