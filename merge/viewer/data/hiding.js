// Hides the calls of some functions. One pass over the columns of each track makes columns of the other calls, and
// these take the place of the recorded ones in the model. So all parts of the page use them as if nothing else had been
// recorded: the callees of a hidden call move up to its caller, and its time is self time of its caller.

import { ofCalls, UNFINISHED } from "./model.js";

/** The columns of calls, and what depends on them. */
export const COLUMNS = {
    start: Float64Array, duration: Float64Array, function: Uint32Array, depth: Uint16Array, parent: Int32Array,
    flags: Uint8Array,
};
export const KEPT = [...Object.keys(COLUMNS), "count", "maxDepth", "args", "unfinished"];

/**
 * The hidden functions of a trace.
 * @typedef {object} Hidden
 * @property {Uint8Array} functions     1 at the index of each
 * @property {Float64Array} byFunction  the number of hidden calls of each
 * @property {number} calls             their sum
 * @property {string} words             what is hidden, for the reader
 */

/**
 * Hides the calls of some functions, or none. The trace is then as if only the other calls had been recorded.
 * @param {import("./model.js").Trace} trace
 * @param {Uint8Array|null} functions  1 at the index of each
 * @param {string} words               what these are
 */
export function hide(trace, functions, words = "") {
    const byFunction = new Float64Array(trace.functions.count);
    for (const track of ofCalls(trace.tracks)) {
        track.recorded ??= Object.fromEntries(KEPT.map((name) => [name, track[name]]));
        const found = functions && places(track.recorded, functions, byFunction);
        Object.assign(track, found ? shownOf(track.recorded, found) : track.recorded);
        track.shown = found;
        track.parts?.forEach((part) => {
            part.recorded ??= { calls: part.calls };
            part.calls = shownCalls(part.recorded.calls, found);
        });
    }
    for (const { threads } of trace.lastWords) {
        for (const thread of threads) {
            thread.recorded ??= thread.frames;
            thread.frames = shownFrames(thread.recorded, thread.track.shown);
        }
    }
    const calls = byFunction.reduce((sum, count) => sum + count, 0);
    trace.hidden = functions ? { functions, byFunction, calls, words } : null;
}

/** Returns a call's index among the recorded calls of its track. */
export function recordedCall({ shown }, call) {
    return shown ? shown.calls[call] : call;
}

/** Returns the index of a recorded call; that of its innermost shown caller if it is hidden, or -1. */
export function shownCall({ shown }, call) {
    return shown ? (shown.places[call] ?? -1) : call;
}

/** Returns the trace with all recorded calls. @param {import("./model.js").Trace} trace */
export function recordedTrace(trace) {
    if (!trace.hidden) {
        return trace;
    }
    const processes = trace.processes.map((process) => ({ ...process }));
    const tracks = trace.tracks.map((track) => ({
        ...track, ...track.recorded, shown: null, process: processes[track.process.index],
    }));
    const own = (track) => tracks[track.index];
    for (const track of tracks) {
        track.parts = track.parts?.map((part) => ({ ...part, ...part.recorded, thread: own(part.thread) }));
    }
    processes.forEach((process) => (process.tracks = process.tracks.map(own)));
    const flow = (of) => ({ ...of, fromTrack: own(of.fromTrack), toTrack: own(of.toTrack) });
    const counter = (of) => ({ ...of, process: processes[of.process.index] });
    return {
        ...trace, processes, tracks, hidden: null, flows: trace.flows.map(flow), counters: trace.counters.map(counter),
    };
}

/**
 * Returns where the calls of a track go, or null if none of them is hidden.
 * @returns {{calls: Uint32Array, places: Int32Array, above: Uint16Array}|null}  `calls`: the shown calls; `places`: by
 *     call, its index in `calls`, or that of its innermost shown caller; `above`: how many of its callers are hidden
 */
function places({ count, parent, function: functions }, hidden, byFunction) {
    const [own, above] = [new Int32Array(count), new Uint16Array(count)];
    const calls = new Uint32Array(count);
    let shown = 0;
    for (let call = 0; call < count; call += 1) {
        const around = parent[call];
        if (around >= 0) {
            above[call] = above[around] + (hidden[functions[around]] | 0);
        }
        if (hidden[functions[call]] === 1) {
            byFunction[functions[call]] += 1;
            own[call] = around >= 0 ? own[around] : -1;
        } else {
            own[call] = shown;
            calls[shown] = call;
            shown += 1;
        }
    }
    return shown === count ? null : { calls: calls.slice(0, shown), places: own, above };
}

/** Returns the columns of the shown calls. */
function shownOf(recorded, found) {
    const { calls, places: own, above } = found;
    const count = calls.length;
    const made = { count, maxDepth: -1, unfinished: 0, args: new ShownArguments(recorded.args, found) };
    for (const [name, Column] of Object.entries(COLUMNS)) {
        made[name] = new Column(count);
    }
    const { start, duration, function: functions, depth, parent, flags } = made;
    for (let at = 0; at < count; at += 1) {
        const call = calls[at];
        const around = recorded.parent[call];
        const has = recorded.flags[call];
        const level = recorded.depth[call] - above[call];
        start[at] = recorded.start[call];
        duration[at] = recorded.duration[call];
        functions[at] = recorded.function[call];
        depth[at] = level;
        parent[at] = around >= 0 ? own[around] : -1;
        flags[at] = has;
        made.unfinished += has & UNFINISHED;
        made.maxDepth = level > made.maxDepth ? level : made.maxDepth;
    }
    return made;
}

/** The arguments of the shown calls. */
class ShownArguments {
    constructor(recorded, { calls, places: own }) {
        Object.assign(this, { recorded, calls, own });
    }

    *[Symbol.iterator]() {
        for (const [call, text] of this.recorded) {
            if (this.calls[this.own[call]] === call) {
                yield [this.own[call], text];
            }
        }
    }

    has(call) {
        return this.recorded.has(this.calls[call]);
    }

    get(call) {
        return this.recorded.get(this.calls[call]);
    }
}

/** Returns those of some calls that are shown; null stands for all. */
function shownCalls(calls, found) {
    const isShown = (call) => found.calls[found.places[call]] === call;
    return calls && found ? calls.filter(isShown).map((call) => found.places[call]) : calls;
}

function shownFrames(frames, found) {
    const shown = found ? frames.filter(({ call }) => found.calls[found.places[call]] === call) : frames;
    return found ? shown.map((frame) => ({ ...frame, call: found.places[frame.call] })) : shown;
}
