// The calls that a search finds: first its functions, then their calls.

import { firstFrom } from "../data/model.js";

/** Calls between two reads of the clock. */
const RUN = 1 << 17;
/** Arguments between two reads of the clock. */
const FEW = 1 << 10;

/**
 * Returns a predicate for names, or a sentence about the error in the text.
 * @param {string} text
 * @param {{isRegex?: boolean, isCase?: boolean}} options
 * @returns {{test: (name: string) => boolean} | {problem: string}}
 */
export function matcher(text, { isRegex = false, isCase = false } = {}) {
    if (!isRegex) {
        const fold = (name) => (isCase ? name : name.toLowerCase());
        const wanted = fold(text);
        return { test: (name) => fold(name).includes(wanted) };
    }
    try {
        const expression = new RegExp(text, isCase ? "u" : "iu");
        return { test: (name) => expression.test(name) };
    } catch (error) {
        const reason = error.message.replace(/^Invalid regular expression: (\/.*\/\w*: )?/s, "");
        return { problem: `Invalid regular expression: ${reason}.` };
    }
}

/** Calls of some functions by track, ordered by begin, then by track. */
export class Matches {
    /** @param {import("../data/model.js").Track[]} tracks @param {Uint8Array} functions  1 for matching functions */
    constructor(tracks, functions) {
        this.tracks = tracks;
        this.functions = functions;
        /** @type {Map<number, Uint32Array>} by the track's index, calls in order */
        this.calls = new Map();
        this.count = 0;
    }

    /** Returns the index of a call among all matches; that of the next match if it is no match. */
    indexOf(track, call) {
        const time = track?.start[call] ?? -Infinity;
        let index = 0;
        for (const other of this.tracks) {
            const before =
                other === track ? call : firstFrom(other, other.index < (track?.index ?? 0) ? time + 1 : time);
            index += lower(this.calls.get(other.index), before);
        }
        return index;
    }

    /**
     * Returns the match after a call; after the last one, the first one.
     * @returns {{track: object, call: number}|null}
     */
    after(track, call) {
        return (
            this.#nearest((calls, other) => {
                const from = other === track ? call + 1 : firstFrom(other, timeAfter(other, track, call));
                return calls[lower(calls, from)];
            }, 1) ?? (track === null ? null : this.after(null, -1))
        );
    }

    /**
     * Returns the match before a call; before the first one, the last one.
     * @returns {{track: object, call: number}|null}
     */
    before(track, call) {
        return (
            this.#nearest((calls, other) => {
                const from =
                    track === null
                        ? other.count
                        : other === track
                          ? call
                          : firstFrom(other, timeAfter(other, track, call));
                return calls[lower(calls, from) - 1];
            }, -1) ?? (track === null ? null : this.before(null, -1))
        );
    }

    /** Returns how many matches begin before a time. */
    countBefore(time) {
        return this.tracks.reduce((sum, of) => sum + lower(this.calls.get(of.index), firstFrom(of, time)), 0);
    }

    /** Returns the first match that begins at a time or later, or null. */
    from(time) {
        return this.#nearest((calls, of) => calls[lower(calls, firstFrom(of, time))], 1);
    }

    /** Returns the last match that begins before a time, or null. */
    until(time) {
        return this.#nearest((calls, of) => calls[lower(calls, firstFrom(of, time)) - 1], -1);
    }

    /** Returns the first or the last of one candidate per track. */
    #nearest(candidate, direction) {
        let best = null;
        for (const track of this.tracks) {
            const call = candidate(this.calls.get(track.index), track);
            const isBetter =
                best === null ||
                (track.start[call] - best.track.start[best.call]) * direction < 0 ||
                (track.start[call] === best.track.start[best.call] && direction < 0);
            if (call !== undefined && isBetter) {
                best = { track, call };
            }
        }
        return best;
    }
}

/** Returns the first begin of this track's calls that come after a call of another track. */
function timeAfter(other, track, call) {
    if (track === null) {
        return -Infinity;
    }
    return other.index > track.index ? track.start[call] : track.start[call] + 1;
}

/** Returns how many of sorted numbers are less than a limit. */
function lower(numbers, than) {
    let [low, high] = [0, numbers.length];
    while (low < high) {
        const middle = (low + high) >>> 1;
        [low, high] = numbers[middle] < than ? [middle + 1, high] : [low, middle];
    }
    return low;
}

/**
 * Finds the calls of all matching functions, and those with matching arguments.
 * @param {import("../data/model.js").Trace} trace
 * @param {(name: string) => boolean} test
 * @param {(json: string) => boolean} testArguments
 * @returns {Generator<number, Matches>}
 */
export function* find(trace, test, testArguments = () => false) {
    const functions = new Uint8Array(trace.functions.count);
    for (let of = 0; of < functions.length; of += 1) {
        functions[of] = test(trace.functions.label(of)) ? 1 : 0;
    }
    const matches = new Matches(trace.tracks, functions);
    const all = trace.tracks.reduce((sum, track) => sum + track.count, 0) || 1;
    let done = 0;
    for (const track of trace.tracks) {
        let calls = new Uint32Array(64);
        let count = 0;
        for (let first = 0; first < track.count; first += RUN) {
            const last = Math.min(first + RUN, track.count);
            for (let call = first; call < last; call += 1) {
                if (functions[track.function[call]] === 1) {
                    if (count === calls.length) {
                        calls = longer(calls);
                    }
                    calls[count] = call;
                    count += 1;
                }
            }
            yield (done + last) / all;
        }
        const more = yield* byArguments(track, testArguments, functions);
        matches.calls.set(track.index, joined(calls.subarray(0, count), more));
        matches.count += count + more.length;
        done += track.count;
    }
    return matches;
}

/** Returns the calls with matching arguments whose functions do not match. */
function* byArguments({ args, function: functions }, test, found) {
    const calls = [];
    let read = 0;
    for (const [call, text] of args) {
        if (found[functions[call]] !== 1 && test(text)) {
            calls.push(call);
        }
        read += 1;
        if (read % FEW === 0) {
            yield 0;
        }
    }
    return calls;
}

/** Returns both in order. */
function joined(numbers, more) {
    const all = new Uint32Array(numbers.length + more.length);
    all.set(numbers);
    all.set(more, numbers.length);
    return more.length > 0 ? all.sort() : all;
}

function longer(numbers) {
    const more = new Uint32Array(numbers.length * 2);
    more.set(numbers);
    return more;
}
