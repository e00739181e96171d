// Going from call to call by keyboard. Pure functions.

import { firstAfter, firstFrom } from "../data/levels.js";

/**
 * Returns a call next to a call.
 * @param {import("../data/levels.js").Levels} levels  of its track, complete
 * @param {number} call
 * @param {"parent"|"child"|"longest"|"next"|"previous"} way  next and previous stay at the call's depth; longest is
 *     the longest child
 * @returns {number} -1 if there is none
 */
export function neighbour(levels, call, way) {
    const { start, duration, depth, parent } = levels.track;
    if (way === "parent") {
        return parent[call];
    }
    if (way === "child" || way === "longest") {
        const [calls, first, end] = levels.between(depth[call] + 1, start[call], start[call] + duration[call]);
        const children = calls.subarray(first, end).filter((one) => parent[one] === call);
        const longer = (one, other) => (duration[other] > duration[one] ? other : one);
        return children.length === 0 ? -1 : way === "child" ? children[0] : children.reduce(longer);
    }
    const { calls } = levels.lanes[depth[call]].levels[0];
    let at = firstFrom(calls, start, start[call]);
    while (calls[at] !== call) {
        at += 1;
    }
    return calls[at + (way === "next" ? 1 : -1)] ?? -1;
}

/** Returns the first call to select: the outermost one in the middle of a view, or the next one. */
export function firstCall(levels, from, to) {
    const middle = (from + to) / 2;
    const covering = levels.covering(0, middle);
    if (covering >= 0) {
        return covering;
    }
    const calls = levels.lanes[0]?.levels[0].calls ?? new Uint32Array(0);
    const at = firstAfter(calls, levels.track.start, middle);
    return calls[at] ?? calls[at - 1] ?? -1;
}
