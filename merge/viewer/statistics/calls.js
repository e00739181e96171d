// The calls of a function in a range. As in statistics.js, calls that cross its edges count with their part in it, and
// self time is without callees and without the tasks that a call ran.

import { endOf, RAISED, UNFINISHED } from "../data/model.js";
import { ordered } from "./order.js";
import { runs } from "./range.js";
import { longer } from "./tree.js";

/** Calls between two reads of the clock. */
const RUN = 1 << 16;

const COLUMNS = { track: Uint32Array, call: Uint32Array, duration: Float64Array, own: Float64Array };

/** By name of an order: what a call is sorted by. */
const KEYS = {
    start: (calls, at) => calls.trackOf(at).start[calls.call[at]],
    duration: (calls, at) => calls.duration[at],
    own: (calls, at) => calls.own[at],
    track: (calls, at) => calls.trackOf(at).index,
    arguments: (calls, at) => calls.trackOf(at).args.get(calls.call[at]) ?? "",
    notes: (calls, at) => calls.flags(at),
};

/**
 * A call of the list.
 * @typedef {object} ListedCall
 * @property {import("../data/model.js").Track} track
 * @property {number} call
 * @property {number} start
 * @property {number} duration  in the range
 * @property {number} own       in the range
 * @property {number} flags
 * @property {boolean} isCut    whether it crosses an edge of the range
 */

/** The calls by column. */
export class CallList {
    #orders = new Map();
    #indices = new Map();

    /** @param {import("./range.js").Range} range */
    constructor({ from, to }) {
        Object.assign(this, { from, to, count: 0, tracks: [] });
        for (const [name, Column] of Object.entries(COLUMNS)) {
            this[name] = new Column(64);
        }
    }

    /** Adds a call. Returns its index. */
    push(track, call, duration) {
        const at = this.count;
        if (at === this.call.length) {
            for (const name of Object.keys(COLUMNS)) {
                this[name] = longer(this[name], at * 2);
            }
        }
        this.track[at] = track;
        this.call[at] = call;
        this.duration[at] = duration;
        this.own[at] = duration;
        this.count += 1;
        return at;
    }

    /** Returns the index of a track in `tracks`. */
    indexOf(track) {
        if (!this.#indices.has(track)) {
            this.#indices.set(track, this.tracks.push(track) - 1);
        }
        return this.#indices.get(track);
    }

    trackOf(at) {
        return this.tracks[this.track[at]];
    }

    flags(at) {
        return this.trackOf(at).flags[this.call[at]];
    }

    /** @returns {ListedCall} */
    at(index) {
        const [track, call] = [this.trackOf(index), this.call[index]];
        const isCut = track.start[call] < this.from || endOf(track, call) > this.to;
        const [duration, own] = [this.duration[index], Math.max(this.own[index], 0)];
        return { track, call, start: track.start[call], duration, own, flags: track.flags[call], isCut };
    }

    /** Returns the longest call, the first one of several. @returns {ListedCall} */
    longest() {
        let longest = 0;
        for (let at = 1; at < this.count; at += 1) {
            longest = this.duration[at] > this.duration[longest] ? at : longest;
        }
        return this.at(longest);
    }

    /**
     * Returns the indices of the calls in an order. The last order is kept, and that by duration.
     * @param {string} sort  a key, with "-" before it for the largest first
     * @returns {Generator<number, Uint32Array>}
     */
    *order(sort) {
        if (!this.#orders.has(sort)) {
            const found = yield* ordered(yield* this.#keys(sort.replace(/^-/, "")), sort.startsWith("-"));
            const byDuration = this.#orders.get("-duration");
            this.#orders = new Map([...(byDuration ? [["-duration", byDuration]] : []), [sort, found]]);
        }
        return this.#orders.get(sort);
    }

    /** @returns {Generator<number, Summary>} */
    *summary() {
        const { count } = this;
        const order = yield* this.order("-duration");
        let [sum, raised, unfinished] = [0, 0, 0];
        for (let at = 0; at < count; at += 1) {
            const flags = this.flags(at);
            sum += this.duration[at];
            raised += flags & RAISED ? 1 : 0;
            unfinished += flags & UNFINISHED ? 1 : 0;
            if (at % RUN === 0) {
                yield at / count;
            }
        }
        const mean = Math.floor((sum + Math.floor(count / 2)) / count);
        const percentile = (percent) => this.at(order[count - Math.max(1, Math.ceil((count * percent) / 100))]);
        const [p50, p99, max] = [50, 99, 100].map(percentile);
        return { calls: count, mean, p50, p99, max, raised, unfinished };
    }

    /**
     * Returns how many calls begin in each of equally long parts of a time.
     * @returns {Generator<number, Uint32Array>}
     */
    *begins(from, to, parts) {
        const begins = new Uint32Array(parts);
        for (let at = 0; at < this.count; at += 1) {
            const part = Math.floor(((KEYS.start(this, at) - from) / (to - from || 1)) * parts);
            if (part >= 0) {
                begins[Math.min(part, parts - 1)] += 1;
            }
            if (at % RUN === 0) {
                yield at / this.count;
            }
        }
        return begins;
    }

    *#keys(name) {
        const { count } = this;
        const keys = name === "arguments" ? new Array(count) : new Float64Array(count);
        for (let at = 0; at < count; at += 1) {
            keys[at] = KEYS[name](this, at);
            if (at % RUN === 0) {
                yield 0;
            }
        }
        return keys;
    }
}

/**
 * The numbers of all calls of a list. A percentile is the call whose duration that share of the calls do not exceed.
 * @typedef {{calls: number, mean: number, p50: ListedCall, p99: ListedCall, max: ListedCall, raised: number,
 *     unfinished: number}} Summary
 */

/**
 * Returns the calls of a function, thread by thread, in the order of their begins.
 * @param {import("./range.js").Range} range @param {number} of
 * @returns {Generator<number, CallList>}
 */
export function* callsOf(range, of) {
    const { from, to } = range;
    const calls = new CallList(range);
    /** By level, the index of the open call if it is one of the function, or -1. */
    let open = new Int32Array(0);
    yield* runs(range, (track, first, last, levels, height) => {
        open = open.length < height ? longer(open, height) : open;
        const { start, duration, function: functions } = track;
        const index = calls.indexOf(track);
        for (let i = first; i < last; i += 1) {
            const level = levels[i - first];
            const around = level > 0 ? open[level - 1] : -1;
            open[level] = -1;
            if (functions[i] !== of && around < 0) {
                continue;
            }
            const time = Math.min(start[i] + duration[i], to) - Math.max(start[i], from);
            if (around >= 0) {
                calls.own[around] -= time;
            }
            if (functions[i] === of) {
                open[level] = calls.push(index, i, time);
            }
        }
    });
    return calls;
}
