// Begins and ends of calls near a time: edges of a range snap to them. Only calls of rows in view count.

import { firstAfter, firstFrom } from "../data/levels.js";

/** The largest distance in pixels over which an edge snaps. */
const REACH = 6;
/** An edge does not snap to calls that are narrower, in pixels: they are too many. */
const LEAST = 3;

/**
 * Returns the begin or end of a call that is nearest to a time, or the time itself if none is near.
 * @param {{row: import("./layout.js").Row}[]} placed  the rows in view
 * @param {import("./view.js").View} view
 * @param {(track: import("../data/model.js").Track) => import("../data/levels.js").Levels} levelsOf
 * @param {number} time
 */
export function snapped(placed, view, levelsOf, time) {
    const reach = REACH * view.scale;
    let nearest = time;
    let distance = reach;
    for (const [levels, depth] of lanesOf(placed, levelsOf)) {
        const { start, duration } = levels.track;
        const calls = levels.calls(depth, view.scale);
        const last = firstAfter(calls, start, time + reach);
        for (let at = Math.max(firstAfter(calls, start, time - reach) - 1, 0); at < last; at += 1) {
            const [begin, length] = [start[calls[at]], duration[calls[at]]];
            for (const edge of length >= LEAST * view.scale ? [begin, begin + length] : []) {
                if (Math.abs(edge - time) <= distance) {
                    [nearest, distance] = [edge, Math.abs(edge - time)];
                }
            }
        }
    }
    return nearest;
}

/**
 * Returns the next begin or end of a call after a time, or the last one before it; null if there is none.
 * @param {number} by  1: after, -1: before
 */
export function nextEdge(placed, levelsOf, time, by) {
    const found = [];
    for (const [levels, depth] of lanesOf(placed, levelsOf)) {
        const { start, duration } = levels.track;
        const [{ calls }] = levels.lanes[depth].levels;
        const at = by > 0 ? firstAfter(calls, start, time) : firstFrom(calls, start, time);
        // Calls of one depth do not overlap: the nearest edges are those of the calls beside the time.
        const beside = calls.subarray(Math.max(at - 2, 0), at + 1);
        found.push(...Array.from(beside, (call) => [start[call], start[call] + duration[call]]).flat());
    }
    const edges = found.filter((edge) => (by > 0 ? edge > time : edge < time));
    return edges.length === 0 ? null : edges.reduce((a, b) => (by > 0 ? Math.min(a, b) : Math.max(a, b)));
}

/** The depths in view of the rows in view, each with the levels of its track. */
function* lanesOf(placed, levelsOf) {
    for (const { row } of placed) {
        const levels = row.track && levelsOf(row.track);
        if (levels?.ready) {
            const last = Math.min(row.skipped + row.lanes, levels.lanes.length);
            for (let depth = row.skipped; depth < last; depth += 1) {
                yield [levels, depth];
            }
        }
    }
}
