// A track's calls and moments in the order of time, as files have them.

import { callers, endOf, firstFrom } from "../data/model.js";
import { isOfSpan } from "../data/spans.js";

/** Calls between two looks at the clock. */
const RUN = 1 << 12;

/**
 * What else is on a track's line of time: moments, events of spans, ends of flows, and where history is missing; by
 * time.
 * @param {import("../data/model.js").Trace} trace
 * @param {import("../data/model.js").Track} track
 * @returns {{time: number, what: "moment"|"span"|"flow"|"lost"|"gap", of: object}[]}
 */
export function extras(trace, track) {
    const found = track.moments
        .filter(({ kind }) => !isOfSpan(kind))
        .map((moment) => ({ time: moment.time, what: "moment", of: moment }));
    found.push(...track.events.map((event) => ({ time: event.time, what: "span", of: event })));
    trace.flows.forEach((flow, id) => {
        // Perfetto ties arrows to calls.
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
 * Walks over a track: `begin(call)` and `end(call, time)` nested and by time, `extra(entry)` in between. Yields how
 * many calls are done, often. A call that seems to last beyond the begin of the next one beside it ends there.
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

/** The name of the mark for events that found no room. @param {number} count */
export function lostName(count) {
    return `${count.toLocaleString("en")} events found no room`;
}

/** The name of the slice where history is missing. @param {number} count */
export function gapName(count) {
    return `${count.toLocaleString("en")} events overwritten`;
}

/** JSON text of an object as that object, {} if it is none. @param {string|null|undefined} text */
export function parsed(text) {
    try {
        const value = JSON.parse(text ?? "{}");
        return value !== null && typeof value === "object" && !Array.isArray(value) ? value : { value };
    } catch {
        return { value: text };
    }
}
