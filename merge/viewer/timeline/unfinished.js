// For how long a call without an end was open, in words.

import { INHERITED, UNFINISHED } from "../data/model.js";
import { timeText } from "./ruler.js";

/**
 * Returns the duration of a call. A call that never ended took at least the time until the last sign of life of its
 * process, unless it is known when that ended. Nothing is known of a call that began with this sign: it reaches to one
 * nanosecond after it.
 * @param {import("../data/model.js").Track} track @param {number} call
 */
export function durationWords({ flags, duration, process }, call) {
    const text = timeText(duration[call]);
    if ((flags[call] & UNFINISHED) === 0 || process.tellsItsEnd) {
        return text;
    }
    return duration[call] <= 1 ? "unknown" : `at least ${text}`;
}

/** Returns "open for at least 1.234 ms", for a list of open calls. */
export function openWords(track, call) {
    const words = durationWords(track, call);
    const origin = track.flags[call] & INHERITED ? ", from before the fork" : "";
    return `open for ${words === "unknown" ? "an unknown time" : words}${origin}`;
}

/** Returns what the parent of a process knew of its end, or "". @param {import("../data/model.js").Process} process */
export function parentWords({ waitedAfter }) {
    return waitedAfter === null
        ? ""
        : `Its parent knew of the end ${timeText(waitedAfter)} after the last sign of life.`;
}
