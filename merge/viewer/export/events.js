// A track's calls and instants in the order of time, as in report files.

import { callers, endOf, firstFrom } from "../data/model.js";
import { isOfSpan } from "../data/spans.js";

/** Calls between two reads of the clock. */
const RUN = 1 << 12;

/**
 * Returns the other entries of a track, by time: instants, events of spans, ends of flows, and missing history.
 * @param {import("../data/model.js").Trace} trace
 * @param {import("../data/model.js").Track} track
 * @returns {{time: number, what: "instant"|"span"|"flow"|"lost"|"gap", of: object}[]}
 */
export function extras(trace, track) {
    const found = track.instants
        .filter(({ kind }) => !isOfSpan(kind))
        .map((instant) => ({ time: instant.time, what: "instant", of: instant }));
    found.push(...track.events.map((event) => ({ time: event.time, what: "span", of: event })));
    trace.flows.forEach((flow, id) => {
        // Perfetto attaches arrows to calls.
        if (!isInCall(flow.fromTrack, flow.fromTime) || !isInCall(flow.toTrack, flow.toTime)) {
            return;
        }
        if (flow.fromTrack === track) {
            found.push({ time: flow.fromTime, what: "flow", of: { phase: "s", id, ...named(flow) } });
        }
        if (flow.toTrack === track) {
            found.push({ time: flow.toTime, what: "flow", of: { phase: "f", id, ...named(flow) } });
        }
    });
    if (track.lost > 0) {
        found.push({ time: track.gap?.start ?? track.start[0] ?? 0, what: "lost", of: { count: track.lost } });
    }
    if (track.gap !== null) {
        found.push({ time: track.gap.start, what: "gap", of: track.gap });
    }
    return found.sort((a, b) => a.time - b.time);
}

function named({ name, isStart = false }) {
    return { name, isStart };
}

function isInCall(track, time) {
    const last = firstFrom(track, time + 1) - 1;
    return last >= 0 && [last, ...callers(track, last)].some((call) => endOf(track, call) > time);
}

/**
 * Walks over a track: calls `begin(call)` and `end(call, time)`, nested and by time, and `extra(entry)` in between.
 * Often yields the number of finished calls. A call that overlaps the next one at its depth ends at the begin of that
 * one.
 * @param {import("../data/model.js").Track} track
 * @param {ReturnType<typeof extras>} entries
 */
export function* walk(track, entries, { begin, end, extra }) {
    const open = [];
    let next = 0;
    const extrasBefore = (time) => {
        for (; next < entries.length && entries[next].time < time; next += 1) {
            extra(entries[next]);
        }
    };
    const endInnermost = (latest) => {
        const call = open.pop();
        const time = Math.min(endOf(track, call), latest);
        extrasBefore(time);
        end(call, time);
    };
    for (let call = 0; call < track.count; call += 1) {
        while (open.length > track.depth[call]) {
            endInnermost(track.start[call]);
        }
        extrasBefore(track.start[call]);
        begin(call);
        open.push(call);
        if (call % RUN === 0) {
            yield call;
        }
    }
    while (open.length > 0) {
        endInnermost(Infinity);
    }
    extrasBefore(Infinity);
}

/** Returns the offset that is added to times of a process: files have the times that the clocks showed. */
export function zeroOf({ zero = 0 }, { moved = 0 }) {
    return zero - moved;
}

/** Returns the name of the mark for events that were not stored for lack of space. @param {number} count */
export function lostName(count) {
    return `${count.toLocaleString("en")} events found no room`;
}

/** Returns the name of the slice of missing history. @param {number} count */
export function gapName(count) {
    return `${count.toLocaleString("en")} events overwritten`;
}

/** Parses the JSON text of an object; returns {} for other text. @param {string|null|undefined} text */
export function parsed(text) {
    try {
        const value = JSON.parse(text ?? "{}");
        return value !== null && typeof value === "object" && !Array.isArray(value) ? value : { value };
    } catch {
        return { value: text };
    }
}
