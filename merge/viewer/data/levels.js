// Levels of detail: the calls of a track that are worth drawing at a width of a pixel in nanoseconds.
//
// Calls of one depth do not overlap, so they are stored by depth, in the order of their begins. Level 0 has all
// calls. A higher level has buckets of 2^shift nanoseconds, and keeps the longest of the calls that begin in each
// bucket. Buckets are fixed in time, so nothing flickers while moving. A level is made only if it is at most half as
// large as the level below it, so all levels together are no larger than level 0.

import { unknownIn } from "./overwritten.js";

/** Calls between two reads of the clock while building. */
const STRIDE = 1 << 16;

/** Returns the bucket width, as a power of two, at which two begins are in the same bucket. */
export function meetingShift(one, other) {
    const high = Math.clz32((one / 2 ** 32) ^ (other / 2 ** 32));
    if (high < 32) {
        return 64 - high;
    }
    return 32 - Math.clz32((one | 0) ^ (other | 0));
}

/**
 * The calls of one depth.
 * @typedef {object} Lane
 * @property {{shift: number, calls: Uint32Array}[]} levels  finest first; a bucket is 2^shift wide
 */

export class Levels {
    /** @param {import("./model.js").Track} track */
    constructor(track) {
        this.track = track;
        /** @type {Lane[]} by depth, as far as built */
        this.lanes = [];
        this.ready = track.count === 0;
        this.steps = this.#build();
    }

    /** Continues building until the deadline (of performance.now()). Returns whether it is done. */
    work(deadline) {
        while (!this.ready && performance.now() < deadline) {
            this.ready = this.steps.next().done === true;
        }
        return this.ready;
    }

    /**
     * Returns the level for drawing a depth.
     * @param {number} depth
     * @param {number} width  nanoseconds per pixel
     * @returns {Uint32Array} call indices in the order of their begins
     */
    calls(depth, width) {
        const { levels } = this.lanes[depth];
        let best = levels[0].calls;
        for (const { shift, calls } of levels) {
            if (2 ** shift > width) {
                break;
            }
            best = calls;
        }
        return best;
    }

    /**
     * Returns the call of a depth that covers a time, or -1.
     * @param {number} depth
     * @param {number} time
     * @returns {number}
     */
    covering(depth, time) {
        const { start, duration } = this.track;
        const all = this.lanes[depth]?.levels[0].calls;
        const call = all ? all[firstAfter(all, start, time) - 1] : undefined;
        return call !== undefined && start[call] + duration[call] >= time ? call : -1;
    }

    /**
     * Returns the calls of a depth that begin within a range of time: the finest level, and the first and last index
     * in it.
     * @returns {[Uint32Array, number, number]}
     */
    between(depth, from, to) {
        const { start } = this.track;
        const all = this.lanes[depth]?.levels[0].calls ?? new Uint32Array(0);
        return [all, firstFrom(all, start, from), firstAfter(all, start, to)];
    }

    /** Returns the self time of a call. The levels must be ready. @param {number} call */
    selfTime(call) {
        const { start, duration, depth, parent } = this.track;
        let rest = duration[call];
        const [all, first, end] = this.between(depth[call] + 1, start[call], start[call] + duration[call]);
        for (let at = first; at < end; at += 1) {
            if (parent[all[at]] === call) {
                rest -= duration[all[at]];
            }
        }
        return Math.max(0, rest - unknownIn(this.track, call));
    }

    *#build() {
        const bottom = yield* byDepth(this.track);
        for (const calls of bottom) {
            this.lanes.push({ levels: yield* coarser(this.track, calls) });
        }
    }
}

/** Returns the calls of each depth. */
function* byDepth({ count, depth, maxDepth }) {
    const counts = new Uint32Array(maxDepth + 1);
    for (let call = 0; call < count; call += 1) {
        counts[depth[call]] += 1;
        if (call % STRIDE === 0) {
            yield;
        }
    }
    const calls = Array.from(counts, (length) => new Uint32Array(length));
    counts.fill(0);
    for (let call = 0; call < count; call += 1) {
        const at = depth[call];
        calls[at][counts[at]] = call;
        counts[at] += 1;
        if (call % STRIDE === 0) {
            yield;
        }
    }
    return calls;
}

/** Returns the levels above level 0 of a depth. */
function* coarser({ start, duration }, bottom) {
    const levels = [{ shift: 0, calls: bottom }];
    const meetings = new Uint32Array(66);
    for (let at = 1; at < bottom.length; at += 1) {
        meetings[meetingShift(start[bottom[at - 1]], start[bottom[at]])] += 1;
        if (at % STRIDE === 0) {
            yield;
        }
    }
    let left = bottom.length;
    for (let shift = 0; shift < meetings.length; shift += 1) {
        left -= meetings[shift];
        const below = levels.at(-1).calls;
        if (left * 2 > below.length || below.length < 64) {
            continue;
        }
        const calls = new Uint32Array(left);
        const perBucket = 2 ** -shift;
        let last = -1;
        let bucket = -1;
        for (let at = 0; at < below.length; at += 1) {
            const call = below[at];
            const own = Math.floor(start[call] * perBucket);
            if (own !== bucket) {
                bucket = own;
                last += 1;
                calls[last] = call;
            } else if (duration[call] > duration[calls[last]]) {
                calls[last] = call;
            }
            if (at % STRIDE === 0) {
                yield;
            }
        }
        levels.push({ shift, calls });
    }
    return levels;
}

/** Returns the first index whose call does not begin before a time. */
export function firstFrom(calls, start, time) {
    let [low, high] = [0, calls.length];
    while (low < high) {
        const middle = (low + high) >>> 1;
        if (start[calls[middle]] < time) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/** Returns the first index whose call begins after a time. */
export function firstAfter(calls, start, time) {
    let [low, high] = [0, calls.length];
    while (low < high) {
        const middle = (low + high) >>> 1;
        if (start[calls[middle]] <= time) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}
