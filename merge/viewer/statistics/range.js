// Visits the calls of a range of time, thread by thread. Calls that cross its edges are clipped.

import { indexFrom } from "../data/bisect.js";
import { callers, endOf } from "../data/model.js";
import { Stack } from "./stack.js";

/** Calls between two reads of the clock. */
const RUN = 1 << 14;

/**
 * The part of a trace to sum up.
 * @typedef {object} Range
 * @property {number} from    begin in nanoseconds; -Infinity for all
 * @property {number} to      end in nanoseconds; Infinity for all
 * @property {import("../data/model.js").Track[]} tracks  if there are threads, only the calls of tasks on these
 *     threads count
 * @property {Set<import("../data/model.js").Track>=} alone  tasks whose calls count on all threads
 *
 * Receives consecutive calls of a track. `levels` has the number of callers on the thread by call; `height` is larger
 * than all levels.
 * @typedef {(track: import("../data/model.js").Track, first: number, last: number, levels: Int32Array,
 *     height: number) => void} Taker
 */

/** Returns a track; for a thread, also the tasks that ran on it. */
export function withTasks(track) {
    const isOn = ({ parts }) => parts?.some(({ thread }) => thread === track);
    return track && [track, ...track.process.tracks.filter(isOn)];
}

/**
 * Returns whether the calls of a task on a thread are in a range.
 * @param {Range} range
 * @returns {(task: import("../data/model.js").Track, thread: import("../data/model.js").Track) => boolean}
 */
export function partsIn({ tracks, alone }) {
    const threads = new Set(tracks.filter(({ kind }) => kind === "thread"));
    return (task, thread) => threads.size === 0 || threads.has(thread) || alone?.has(task) === true;
}

/** Returns the range of a whole trace. @param {import("../data/model.js").Trace} trace @returns {Range} */
export function wholeOf(trace) {
    return { from: -Infinity, to: Infinity, tracks: trace.tracks };
}

/**
 * Passes all calls of the range to `take`, in the order of each thread, callers before callees; yields the fraction
 * that is done. Calls of a task are on the thread that runs it, inside the call that runs it.
 * @param {Range} range @param {Taker} take
 */
export function* runs(range, take) {
    const threads = lanesByThread(range);
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

/** The calls of a thread in one task or in none: all or some calls of a track, between two indices. */
class Lane {
    constructor({ track, calls }, from, to) {
        Object.assign(this, { track, calls });
        const length = calls === null ? track.count : calls.length;
        const indexAt = (time) => indexFrom(length, (at) => track.start[this.#call(at)], time);
        this.at = indexAt(from);
        this.end = indexAt(to);
        this.open = this.#openAt(from);
    }

    #call(at) {
        return this.calls === null ? at : this.calls[at];
    }

    get next() {
        return this.#call(this.at);
    }

    /** Returns the calls that began before a time and end after it. */
    #openAt(time) {
        const { track } = this;
        const open = [];
        const around = new Set(this.at < this.end ? callers(track, this.next) : []);
        for (let call = this.at > 0 ? this.#call(this.at - 1) : -1; call >= 0; call = track.parent[call]) {
            // A call that ends exactly at that time is included if it contains a call without duration.
            if (endOf(track, call) > time || around.has(call)) {
                open.push(call);
            }
        }
        return open;
    }
}

/** Returns the lanes of each thread. @param {Range} range @returns {Lane[][]} */
function lanesByThread(range) {
    const { from, to, tracks } = range;
    // Unknown time is inside the innermost known call. It comes second if both begin and end together.
    const whole = (track) => ({ track, calls: null });
    const ofThread = (track) => [track, [track, ...(track.unknown ?? [])].map(whole)];
    const threads = new Map(tracks.filter((track) => !track.parts).map(ofThread));
    const isIn = partsIn(range);
    for (const track of tracks.filter((of) => of.parts)) {
        for (const { thread, calls, unknown } of track.parts.filter((part) => isIn(track, part.thread))) {
            const lanes = threads.get(thread) ?? [];
            lanes.push({ track, calls }, ...(unknown ? [whole(unknown)] : []));
            threads.set(thread, lanes);
        }
    }
    const used = ({ at, end, open }) => at < end || open.length > 0;
    return Array.from(threads.values(), (lanes) => lanes.map((lane) => new Lane(lane, from, to)).filter(used));
}

/**
 * Compares two calls of different tracks: by begin, then the longer one first, since it is the caller. If both begin
 * and end together, the order is unknown; the call of the thread comes before that of a task.
 */
function compare(track, call, order, other, otherCall, otherOrder) {
    return (
        track.start[call] - other.start[otherCall] ||
        other.duration[otherCall] - track.duration[call] ||
        order - otherOrder ||
        call - otherCall
    );
}

/** A heap of lanes by their next call. */
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

    /** The begin of the first call of the other lanes. */
    get second() {
        const [, one, other] = this.heap;
        return Math.min(begin(one), begin(other));
    }

    /** Restores the heap after the first lane has advanced. */
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
