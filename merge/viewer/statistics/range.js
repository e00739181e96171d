// The calls that a range of time concerns, thread by thread. Calls that reach over its edges are clipped to it.

import { placeFrom } from "../data/bisect.js";
import { callers, endOf } from "../data/model.js";
import { Stack } from "./stack.js";

/** Calls between two looks at the clock. */
const RUN = 1 << 14;

/**
 * What is asked about.
 * @typedef {object} Range
 * @property {number} from    nanoseconds; -Infinity for all
 * @property {number} to      the same; Infinity for all
 * @property {import("../data/model.js").Track[]} tracks  if threads are among them, of tasks what ran on these
 *
 * Takes calls that follow each other on a track; by call, how many others are around it on its thread, and more than
 * any of these numbers.
 * @typedef {(track: import("../data/model.js").Track, first: number, last: number, levels: Int32Array,
 *     height: number) => void} Taker
 */

/** All of a trace. @param {import("../data/model.js").Trace} trace @returns {Range} */
export function wholeOf(trace) {
    return { from: -Infinity, to: Infinity, tracks: trace.tracks };
}

/**
 * Gives all the range's calls in the order in which each thread made them, callers before callees; yields what part
 * is done. What a task does stands on the thread that runs it, inside of the call that does so.
 * @param {Range} range @param {Taker} take
 */
export function* runs({ from, to, tracks }, take) {
    const threads = lanesByThread(tracks, from, to);
    const all = threads.flat().reduce((sum, lane) => sum + lane.end - lane.at, 0) || 1;
    const levels = new Int32Array(RUN);
    let done = 0;
    for (const lanes of threads) {
        const stack = new Stack(levels, take);
        const open = lanes.flatMap((lane, order) => lane.open.map((call) => ({ lane, order, call })));
        open.sort((a, b) => compare(a.lane.track, a.call, a.order, b.lane.track, b.call, b.order));
        for (const { lane, call } of open) {
            stack.run(lane.track, call, call + 1, Infinity);
        }
        const waiting = new Waiting(lanes);
        let pause = RUN;
        for (let lane = waiting.first; lane !== undefined; lane = waiting.first) {
            const { track, calls, at } = lane;
            const call = lane.next;
            const last = calls === null ? Math.min(lane.end, at + RUN) : call + 1;
            const taken = stack.run(track, call, last, waiting.second);
            lane.at = at + taken;
            waiting.sink();
            done += taken;
            pause -= taken;
            if (pause <= 0) {
                pause = RUN;
                yield done / all;
            }
        }
        yield done / all;
    }
}

/** What a thread did outside of tasks or in one: the calls of a track, or some of them, from one place to another. */
class Lane {
    constructor({ track, calls }, from, to) {
        Object.assign(this, { track, calls });
        const length = calls === null ? track.count : calls.length;
        const place = (time) => placeFrom(length, (at) => track.start[this.#call(at)], time);
        this.at = place(from);
        this.end = place(to);
        this.open = this.#openAt(from);
    }

    #call(at) {
        return this.calls === null ? at : this.calls[at];
    }

    get next() {
        return this.#call(this.at);
    }

    /** The calls that began before a moment and last beyond it. */
    #openAt(time) {
        const { track } = this;
        const open = [];
        const around = new Set(this.at < this.end ? callers(track, this.next) : []);
        for (let call = this.at > 0 ? this.#call(this.at - 1) : -1; call >= 0; call = track.parent[call]) {
            // One that ends at that very moment is there if a call without duration is in it.
            if (endOf(track, call) > time || around.has(call)) {
                open.push(call);
            }
        }
        return open;
    }
}

/** The lanes that belong together because one thread did it all. @returns {Lane[][]} */
function lanesByThread(tracks, from, to) {
    // Unknown time lies in the innermost known call: behind it, should both begin and end together.
    const whole = (track) => ({ track, calls: null });
    const ofThread = (track) => [track, [track, ...(track.unknown ?? [])].map(whole)];
    const threads = new Map(tracks.filter((track) => !track.parts).map(ofThread));
    const isOfTasks = threads.size === 0;
    for (const track of tracks.filter((of) => of.parts)) {
        for (const { thread, calls, unknown } of track.parts) {
            const lanes = [{ track, calls }, ...(unknown ? [whole(unknown)] : [])];
            if (isOfTasks) {
                threads.set({}, lanes);
            } else {
                threads.get(thread)?.push(...lanes);
            }
        }
    }
    const used = ({ at, end, open }) => at < end || open.length > 0;
    return Array.from(threads.values(), (lanes) => lanes.map((lane) => new Lane(lane, from, to)).filter(used));
}

/**
 * Which of two calls of different tracks is first: by begin; of those that begin together, the longer one is around the
 * other. (Of two that begin and end together nothing tells any more. Then it is that of the thread, not of a task.)
 */
function compare(track, call, order, other, otherCall, otherOrder) {
    return (
        track.start[call] - other.start[otherCall] ||
        other.duration[otherCall] - track.duration[call] ||
        order - otherOrder ||
        call - otherCall
    );
}

/** Lanes by their next call, in a heap. */
class Waiting {
    constructor(lanes) {
        this.heap = lanes.filter((lane) => lane.at < lane.end);
        this.heap.forEach((lane, order) => (lane.order = order));
        for (let at = (this.heap.length >> 1) - 1; at >= 0; at -= 1) {
            this.#sink(at);
        }
    }

    get first() {
        return this.heap[0];
    }

    /** When the first call of the others begins. */
    get second() {
        const [, one, other] = this.heap;
        return Math.min(begin(one), begin(other));
    }

    /** The first one has moved on. */
    sink() {
        const { heap } = this;
        if (heap[0].at === heap[0].end) {
            const last = heap.pop();
            if (heap.length === 0) {
                return;
            }
            heap[0] = last;
        }
        this.#sink(0);
    }

    #sink(at) {
        const { heap } = this;
        for (;;) {
            let least = at;
            for (let child = 2 * at + 1; child <= 2 * at + 2 && child < heap.length; child += 1) {
                const [a, b] = [heap[child], heap[least]];
                if (compare(a.track, a.next, a.order, b.track, b.next, b.order) < 0) {
                    least = child;
                }
            }
            if (least === at) {
                return;
            }
            [heap[at], heap[least]] = [heap[least], heap[at]];
            at = least;
        }
    }
}

function begin(lane) {
    return lane === undefined ? Infinity : lane.track.start[lane.next];
}
