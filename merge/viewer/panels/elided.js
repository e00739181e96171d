// What the panels say of functions of which not all calls are recorded: see ../data/elided.js.

import { elidedIn } from "../data/elided.js";
import { endOf } from "../data/model.js";
import { timeText } from "../timeline/ruler.js";

/** Names in a note. */
const NAMED = 20;

/** Returns a number that is at least so large, if it is of a function of which not all calls are recorded. */
export function atLeast(isLeast, text) {
    return isLeast ? `≥${text}` : text;
}

/** Returns "about 1,230,000 ±15%". @param {{calls: number, error: number}} about */
function aboutText({ calls, error }) {
    const rounded = Number(calls.toPrecision(3)).toLocaleString("en");
    return `about ${rounded} ±${Math.ceil((error / calls) * 100)}%`;
}

/** Returns "fib, leaf and 1 other". @param {string[]} names */
export function listed(names, most = NAMED) {
    const others = names.length - most;
    const shown = names.slice(0, most).join(", ");
    return others > 0 ? `${shown} and ${others.toLocaleString("en")} other${others === 1 ? "" : "s"}` : shown;
}

/** Returns what is to be said below a table. @param {ReturnType<typeof elidedIn>} elided @returns {string[]} */
export function notesOfTable({ names, callers, inBursts, abouts = [] }) {
    const whole =
        `≥: called too often to record all calls (--max_overhead): ${listed(names)}. The time of calls that are not ` +
        "recorded is self time of their callers, and what they called is shown as called by these.";
    const ofC =
        `C functions that ${listed(callers)} ${callers.length === 1 ? "calls" : "call"} may not all be recorded; ` +
        "their time is self time of the recorded calls around them.";
    const estimates = listed(abouts.map(({ name, about }) => `${name} ${aboutText(about)}`));
    const bursts =
        "≥: calls are recorded in bursts only (--max_overhead). What happens between two bursts is missing.";
    return [
        ...(names.length > 0 ? [whole] : []),
        ...(callers.length > 0 ? [ofC] : []),
        ...(inBursts ? [bursts] : []),
        ...(abouts.length > 0 ? [`In the whole recording, calls of these are not recorded: ${estimates}.`] : []),
    ];
}

/**
 * Returns what is to be said of a call: of its function, and of its self time.
 * @param {import("../data/model.js").Track} track @param {number} call @returns {string[]}
 */
export function notesOfCall(track, call) {
    const all = track.process.elided ?? [];
    const own = all.filter((of) => of.function === track.function[call]);
    const notes = own.map(({ since, onlyCCalls }) =>
        onlyCCalls
            ? `from ${timeText(since)} on, C functions that it calls may not all be recorded (--max_overhead)`
            : `from ${timeText(since)} on, not all calls of this function are recorded (--max_overhead)`,
    );
    const { names, callers } = elidedAt(track, call);
    if (callers.length > 0) {
        const of = names.length > 0 ? `of ${listed(names)}` : "of C functions";
        const more = names.length > 0 ? ", and of C functions" : "";
        notes.push(`its self time may contain calls that are not recorded (--max_overhead): ${of}${more}`);
    }
    return notes;
}

/** Returns the functions of which not all calls were recorded before a call ended. */
export function elidedAt(track, call) {
    return elidedIn({ tracks: [track], to: endOf(track, call) });
}

