// What has a time and no duration: instants and snapshots on a track, samples of a counter; and the gap of overwritten
// history. One of them can be selected, as a call can. Pure.
//
//     { track, at }      the moment at that place of the track's
//     { counter, at }    the sample at that place of the counter's
//     { track, gap }     what was overwritten on the track

import { placeFrom } from "../data/bisect.js";

/** How many points a row has. @param {import("./layout.js").Row} row */
export function pointsIn({ track, counter }) {
    return counter ? counter.times.length : track?.moments.length ?? 0;
}

/** When it was. */
export function timeOf({ track, counter, at, gap }) {
    return gap ? gap.start : counter ? counter.times[at] : track.moments[at].time;
}

/** What it is called. */
export function nameOf({ track, counter, at, gap }) {
    if (gap) {
        return `${gap.events.toLocaleString("en")} events overwritten`;
    }
    return counter ? counter.name : track.moments[at].name;
}

/** Whether it lies in a row. */
export function isIn(point, row) {
    return point.counter ? row.counter === point.counter : row.track === point.track;
}

/** The first point of a row at a time or later, or the last one. @param {import("./layout.js").Row} row */
export function pointFrom({ track, counter }, time) {
    const of = counter ? { counter } : { track };
    const count = pointsIn(of);
    const at = placeFrom(count, (i) => timeOf({ ...of, at: i }), time);
    return { ...of, at: Math.min(at, count - 1) };
}

/** The point before (-1) or after (1) a point in its row. With `alike` one of the same kind and name. */
export function beside(point, by, alike = false) {
    if (point.gap) {
        return null;
    }
    const one = point.track?.moments[point.at];
    for (let at = point.at + by; at >= 0 && at < pointsIn(point); at += by) {
        const other = point.track?.moments[at];
        if (!alike || !one || (one.name === other.name && one.kind === other.kind)) {
            return { ...point, at };
        }
    }
    return null;
}

/** As the hash keeps it: "t3_5", "c0_7", "g3". @param {import("../data/model.js").Trace} trace */
export function pointText(trace, { track, counter, at, gap }) {
    return gap ? `g${track.index}` : counter ? `c${trace.counters.indexOf(counter)}_${at}` : `t${track.index}_${at}`;
}

/** The point of such a text, or null. @param {import("../data/model.js").Trace} trace @param {string} text */
export function pointOf({ tracks, counters }, text) {
    const [, kind, index, at] = /^([tcg])(\d{1,9})(?:_(\d{1,9}))?$/.exec(text ?? "") ?? [];
    const track = kind === "c" ? undefined : tracks[index];
    if (kind === "g") {
        return track?.gap ? { track, gap: track.gap } : null;
    }
    const point = kind === "c" ? { counter: counters[index], at: Number(at) } : { track, at: Number(at) };
    return (point.counter ?? point.track) && point.at < pointsIn(point) ? point : null;
}
