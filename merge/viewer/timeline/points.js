// Points: instants and snapshots on a track, samples of a counter, the gap of overwritten history, and a process as a
// whole. A point can be selected like a call. Pure functions.
//
//     { track, at }      an instant, by its index on the track
//     { counter, at }    a sample, by its index in the counter
//     { track, gap }     the overwritten history of the track
//     { process }        the process

import { indexFrom } from "../data/bisect.js";

/** Returns the number of points of a row. @param {import("./layout.js").Row} row */
export function pointsIn({ track, counter }) {
    return counter ? counter.times.length : track?.instants.length ?? 0;
}

/** Returns the time of a point. */
export function timeOf({ track, counter, at, gap, process }) {
    return process ? process.opened : gap ? gap.start : counter ? counter.times[at] : track.instants[at].time;
}

/**
 * Returns the instants that are of more than their track, by time: those of the whole trace, and those of a process.
 * @param {import("../data/model.js").Trace} trace
 */
export function wideInstants({ tracks }) {
    const wide = tracks.flatMap(({ process, instants }) =>
        instants.filter(({ scope }) => scope !== undefined)
            .map(({ time, scope }) => ({ time, process: scope === "p" ? process : null })));
    return wide.sort((one, other) => one.time - other.time);
}

/** Returns the name of a point. */
export function nameOf({ track, counter, at, gap, process }) {
    if (process) {
        return `${process.label} (pid ${process.pid})`;
    }
    if (gap) {
        return `${gap.events.toLocaleString("en")} events overwritten`;
    }
    return counter ? counter.name : track.instants[at].name;
}

/** Returns whether a point is in a row. */
export function isIn(point, row) {
    if (point.process) {
        return row.kind === "process" && row.process === point.process;
    }
    return point.counter ? row.counter === point.counter : row.track === point.track;
}

/** Returns the first point of a row from a time on, or the last point. @param {import("./layout.js").Row} row */
export function pointFrom({ track, counter }, time) {
    const of = counter ? { counter } : { track };
    const count = pointsIn(of);
    const at = indexFrom(count, (i) => timeOf({ ...of, at: i }), time);
    return { ...of, at: Math.min(at, count - 1) };
}

/** Returns the point before (-1) or after (1) a point in its row, with `alike` of the same kind and name. */
export function beside(point, by, alike = false) {
    if (point.gap || point.process) {
        return null;
    }
    const one = point.track?.instants[point.at];
    for (let at = point.at + by; at >= 0 && at < pointsIn(point); at += by) {
        const other = point.track?.instants[at];
        if (!alike || !one || (one.name === other.name && one.kind === other.kind)) {
            return { ...point, at };
        }
    }
    return null;
}

/**
 * Returns a point as text for the hash: "t3_5", "c0_7", "g3", "p1".
 * @param {import("../data/model.js").Trace} trace
 */
export function pointText(trace, { track, counter, at, gap, process }) {
    if (process) {
        return `p${process.index}`;
    }
    return gap ? `g${track.index}` : counter ? `c${trace.counters.indexOf(counter)}_${at}` : `t${track.index}_${at}`;
}

/** Returns the point of such a text, or null. @param {import("../data/model.js").Trace} trace @param {string} text */
export function pointOf({ tracks, counters, processes }, text) {
    const [, kind, index, at] = /^([tcgp])(\d{1,9})(?:_(\d{1,9}))?$/.exec(text ?? "") ?? [];
    if (kind === "p") {
        return processes[index] ? { process: processes[index] } : null;
    }
    const track = kind === "c" ? undefined : tracks[index];
    if (kind === "g") {
        return track?.gap ? { track, gap: track.gap } : null;
    }
    const point = kind === "c" ? { counter: counters[index], at: Number(at) } : { track, at: Number(at) };
    return (point.counter ?? point.track) && point.at < pointsIn(point) ? point : null;
}
