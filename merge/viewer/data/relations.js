// The flows of a call: what it started or sent, and what led to it. Pure functions.

import { endOf, firstFrom } from "./model.js";

/**
 * A flow seen from one of its ends.
 * @typedef {{name: string, isStart: boolean, delay: number, track: import("./model.js").Track, time: number,
 *     call: number}} Relation  `track`, `time` and `call` are of the other end; `call` is -1 if no call is there
 *
 * @param {import("./model.js").Trace} trace
 * @param {import("./model.js").Track} track @param {number} call
 * @returns {{before: Relation[], after: Relation[]}} flows that arrive in the call, or in what it called, and flows
 *     that leave it, by time
 */
export function relationsOf({ flows }, track, call) {
    const within = (time) => time >= track.start[call] && time <= endOf(track, call);
    const one = ({ name, isStart = false, fromTime, toTime }, other, time) =>
        ({ name, isStart, delay: toTime - fromTime, track: other, time, call: innermostAt(other, time) });
    const before = flows.filter(({ toTrack, toTime }) => toTrack === track && within(toTime));
    const after = flows.filter(({ fromTrack, fromTime }) => fromTrack === track && within(fromTime));
    return {
        before: before.map((flow) => one(flow, flow.fromTrack, flow.fromTime)).sort(byTime),
        after: after.map((flow) => one(flow, flow.toTrack, flow.toTime)).sort(byTime),
    };
}

function byTime(one, other) {
    return one.time - other.time;
}

/** Returns the innermost call of a track that is open at a time, or begins then; -1 if there is none. */
export function innermostAt(track, time) {
    let call = firstFrom(track, time + 1) - 1;
    // Of calls that begin together, the innermost is the last one.
    while (call >= 0 && endOf(track, call) < time) {
        call = track.parent[call];
    }
    return call;
}
