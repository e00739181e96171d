// A part of a trace as a trace of its own, for exports: a range of time on some tracks. As with `--since` and `--until`
// of viztracer-merge, calls that cross an edge of the range are clipped and marked as such. Times stay as they are.

import { CLIPPED, UNFINISHED } from "../data/model.js";
import { partsIn } from "../statistics/range.js";

/** Calls between two reads of the clock. */
const RUN = 1 << 14;

/**
 * Returns the part.
 * @param {import("../data/model.js").Trace} trace
 * @param {import("../statistics/range.js").Range} range
 * @returns {Generator<number, import("../data/model.js").Trace>}
 */
export function* cutTrace(trace, range) {
    const isIn = partsIn(range);
    const has = (time) => time >= range.from && time < range.to;
    const all = range.tracks.reduce((sum, { count }) => sum + count, 0) || 1;
    const parts = new Map();
    let done = 0;
    for (const track of trace.tracks.filter((of) => range.tracks.includes(of))) {
        parts.set(track, yield* cutTrack(track, range, isIn, done, all));
        done += track.count;
    }
    const processes = processesOf(trace, parts);
    const tracks = [...parts.values()].map(({ track }) => track);
    tracks.forEach((track, index) => Object.assign(track, { index }));
    for (const part of tracks.flatMap((track) => track.parts ?? [])) {
        part.thread = parts.get(part.thread)?.track ?? part.thread;
    }
    const counters = trace.counters.filter(({ process }) => processes.has(process)).map((counter) => ({
        ...counter,
        process: processes.get(counter.process),
        times: counter.times.filter(has),
        values: counter.values.filter((_, at) => has(counter.times[at])),
    }));
    return {
        ...trace, tracks, counters, processes: [...processes.values()], flows: flowsOf(trace, parts, has),
        lastWords: [], comparison: null,
    };
}

/** Returns the part of an event that lies in a range, or null. One that takes no time does if its begin does. */
export function clip(start, end, { from, to }) {
    const [begin, last] = [Math.max(start, from), Math.max(Math.min(end, to), start)];
    return start < to && (begin < last || start >= from) ? [begin, last] : null;
}

/** Returns the part of a track, and by call of the whole track its index in the part, or -1. */
function* cutTrack(track, range, isIn, done, all) {
    const { count, start, duration } = track;
    const isElsewhere = elsewhere(track, isIn);
    const indices = new Int32Array(count).fill(-1);
    const kept = [];
    for (let call = 0; call < count; call += 1) {
        if (!isElsewhere[call] && clip(start[call], start[call] + duration[call], range)) {
            indices[call] = kept.length;
            kept.push(call);
        }
        if (call % RUN === 0) {
            yield (done + call) / all;
        }
    }
    const part = { ...columns(track, kept, indices, range), ...others(track, indices, isIn, range) };
    // The pieces of a life say what there was of it: a merge of the file finds the lives anew.
    return { track: { ...track, ...part, lives: null }, indices };
}

/** Of the calls of a task, marks those on threads that are not in the range. */
function elsewhere(track, isIn) {
    const found = new Uint8Array(track.count);
    for (const { calls } of track.parts?.filter(({ thread }) => !isIn(track, thread)) ?? []) {
        for (const call of calls ?? found.keys()) {
            found[call] = 1;
        }
    }
    return found;
}

/** Returns the columns of the calls that stay. */
function columns(track, kept, indices, range) {
    const count = kept.length;
    const part = {
        count, maxDepth: -1, unfinished: 0,
        start: new Float64Array(count), duration: new Float64Array(count), function: new Uint32Array(count),
        depth: new Uint16Array(count), parent: new Int32Array(count), flags: new Uint8Array(count),
    };
    kept.forEach((call, at) => {
        const [start, duration] = [track.start[call], track.duration[call]];
        const [begin, end] = clip(start, start + duration, range);
        let parent = track.parent[call];
        while (parent >= 0 && indices[parent] < 0) {
            parent = track.parent[parent];
        }
        part.start[at] = begin;
        part.duration[at] = end - begin;
        part.function[at] = track.function[call];
        part.parent[at] = parent < 0 ? -1 : indices[parent];
        part.depth[at] = parent < 0 ? 0 : part.depth[indices[parent]] + 1;
        part.flags[at] = track.flags[call] | (end - begin === duration ? 0 : CLIPPED);
        part.maxDepth = Math.max(part.maxDepth, part.depth[at]);
        part.unfinished += part.flags[at] & UNFINISHED ? 1 : 0;
    });
    return part;
}

/** Returns what a track holds besides the columns of its calls. */
function others(track, indices, isIn, range) {
    const { instants, events, args, ids, gap, parts } = track;
    const has = ({ time }) => time >= range.from && time < range.to;
    const isKept = (call) => indices[call] >= 0;
    const entries = [...args].filter(([call]) => isKept(call)).map(([call, text]) => [indices[call], text]);
    const left = gap && clip(gap.start, gap.end, range);
    const own = parts?.filter(({ thread }) => isIn(track, thread)).map((part) => ({
        ...part,
        calls: part.calls && part.calls.filter(isKept).map((call) => indices[call]),
    }));
    return {
        instants: instants.filter(has),
        events: events.filter(has),
        args: new Map(entries),
        ...(ids && { ids: ids.filter((_, call) => isKept(call)) }),
        gap: left && { ...gap, start: left[0], end: left[1] },
        ...(own && { parts: own }),
    };
}

/** Connects the parts of the tracks with new processes. */
function processesOf(trace, parts) {
    const used = trace.processes.filter(({ tracks }) => tracks.some((track) => parts.has(track)));
    return new Map(used.map((process, index) => {
        const tracks = process.tracks.flatMap((track) => parts.get(track)?.track ?? []);
        const part = { ...process, index, tracks };
        tracks.forEach((track) => Object.assign(track, { process: part }));
        return [process, part];
    }));
}

/** Returns the arrows of which both ends lie in the part. */
function flowsOf({ flows }, parts, has) {
    const isIn = (track, time) => parts.has(track) && has(time);
    return flows
        .filter((flow) => isIn(flow.fromTrack, flow.fromTime) && isIn(flow.toTrack, flow.toTime))
        .map((flow) => {
            const [from, to] = [parts.get(flow.fromTrack), parts.get(flow.toTrack)];
            const fromCall = flow.fromCall >= 0 ? from.indices[flow.fromCall] : flow.fromCall;
            return { ...flow, fromTrack: from.track, toTrack: to.track, fromCall };
        });
}
