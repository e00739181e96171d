// Finds the item at a point of the canvas. Pure functions.

import { indexFrom } from "../data/bisect.js";
import { firstAfter } from "../data/levels.js";
import { valueAt } from "./counters.js";
import { LANE } from "./layout.js";
import { awaitingAt } from "./lives.js";

/** Tolerance in pixels. */
const NEAR = 3;

/**
 * @param {{row: import("./layout.js").Row, y: number}[]} placed
 * @param {import("./view.js").View} view
 * @returns {object|null} with row and: track and call, or instant, or gap, or counter and value, or process
 */
export function hitAt(placed, view, levelsOf, x, y, ratio = 1) {
    const found = placed.findLast((one) => y >= one.y && y < one.y + one.row.height);
    if (!found) {
        return null;
    }
    const { row } = found;
    const time = view.timeAt(x);
    if (row.kind === "counter") {
        const value = valueAt(row.counter, time);
        const { times } = row.counter;
        const at = indexFrom(times.length, (i) => times[i], time);
        return value === null ? null : { row, counter: row.counter, value, at: times[at] === time ? at : at - 1 };
    }
    if (row.kind !== "track") {
        return { row, process: row.process };
    }
    const { track } = row;
    if (track.gap && time >= track.gap.start && time <= Math.max(track.gap.end, track.gap.start + 3 * view.scale)) {
        return { row, track, gap: track.gap };
    }
    const inside = y - found.y - row.top;
    if (inside < 0) {
        return instantAt(row, view, x);
    }
    const lane = Math.floor(inside / LANE);
    const levels = levelsOf(track);
    if (lane >= row.lanes || !levels.ready) {
        return null;
    }
    const depth = row.skipped + lane;
    const drawn = callAt(levels, depth, view, x, ratio);
    const call = drawn < 0 && track.lives ? awaitingAt(track, depth, time) : drawn;
    return call < 0 ? null : { row, track, call };
}

/** Returns the call that is drawn at a pixel, or very near to it. */
function callAt(levels, depth, view, x, ratio) {
    const { start, duration } = levels.track;
    const calls = levels.calls(depth, view.scale / ratio);
    const at = firstAfter(calls, start, view.timeAt(x)) - 1;
    const distance = (index) => {
        const call = calls[index];
        if (call === undefined) {
            return Infinity;
        }
        return Math.max(0, view.xOf(start[call]) - x, x - view.xOf(start[call] + duration[call]));
    };
    const best = distance(at) <= distance(at + 1) ? at : at + 1;
    return distance(best) <= NEAR ? calls[best] : -1;
}

function instantAt(row, view, x) {
    const { instants } = row.track;
    const at = indexFrom(instants.length, (i) => instants[i].time, view.timeAt(x));
    const distance = (index) => (instants[index] ? Math.abs(view.xOf(instants[index].time) - x) : Infinity);
    const best = distance(at - 1) < distance(at) ? at - 1 : at;
    return distance(best) <= 6 ? { row, track: row.track, instant: instants[best], at: best } : null;
}
