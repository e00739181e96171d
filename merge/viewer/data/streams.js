// The calls of one thread, or of a task on it, as they come block by block.

import { CLIPPED } from "./model.js";
import { Malformed, Rare } from "./varints.js";

const END = 0;
const MOMENT = 1;
const FIRST_FUNCTION = 2;

/** The calls of a thread, or of a task on a thread, as they come block by block. */
export class Stream {
    /** @param {number} capacity */
    constructor(capacity) {
        this.start = new Float64Array(capacity);
        this.duration = new Float64Array(capacity);
        this.function = new Uint32Array(capacity);
        this.depth = new Uint16Array(capacity);
        this.parent = new Int32Array(capacity);
        this.flags = new Uint8Array(capacity);
        this.count = 0;
        this.maxDepth = -1;
        this.moments = [];
        /** Begins and ends of spans. */
        this.events = [];
        this.args = new Map();
        /** Where its calls are on a track that has those of others too. @type {Int32Array|null} */
        this.places = null;
        /** The open calls, outermost first; -1 for one whose begin could not be read. */
        this.open = [];
        this.now = 0;
    }

    /** Sees to it that so many calls are open, which they are unless a block could not be read. */
    mend(open, now) {
        while (this.open.length > open) {
            this.cut(this.open.pop(), now);
        }
        while (this.open.length < open) {
            this.open.push(-1);
        }
    }

    /** The end of a call is not known. */
    cut(call, now) {
        if (call >= 0) {
            this.duration[call] = Math.max(0, now - this.start[call]);
            this.flags[call] |= CLIPPED;
        }
    }

    /** Ends what is still open. */
    finish() {
        this.mend(0, this.now);
        return this;
    }

    begin(calls, functionNumber) {
        const { open, count } = this;
        if (count >= calls) {
            throw new Malformed("it holds more calls than it should");
        }
        const depth = open.length;
        this.start[count] = this.now;
        this.function[count] = functionNumber;
        this.depth[count] = depth;
        this.parent[count] = depth === 0 ? -1 : open[depth - 1];
        if (depth > this.maxDepth) {
            this.maxDepth = depth;
        }
        this.count = count + 1;
        return count;
    }
}

/** Takes the steps of one stream. */
export function section(process, stream, functions, open, first, columns) {
    const [what, begins, ends] = columns;
    const [flags, extras] = [new Rare(columns[3]), new Rare(columns[4])];
    const capacity = stream.start.length;
    stream.mend(open, first);
    stream.now = Math.max(stream.now, first);
    for (let place = 0; what.at < what.end; place += 1) {
        const token = what.next();
        let ended = -1;
        if (token === END) {
            stream.now += ends.next();
            ended = stream.open.pop() ?? -1;
        } else if (token === MOMENT) {
            stream.now += begins.next();
            if (extras.place === place) {
                process.moment(stream, extras.json());
            }
            continue;
        } else {
            const index = (token - FIRST_FUNCTION) >>> 1;
            if (index >= functions.length) {
                throw new Malformed("a function in it is none");
            }
            stream.now += begins.next();
            const call = stream.begin(capacity, functions[index]);
            if ((token & 1) === 0) {
                stream.open.push(call);
                continue;
            }
            stream.now += ends.next();
            ended = call;
        }
        if (ended >= 0) {
            stream.duration[ended] = stream.now - stream.start[ended];
        }
        if (flags.place === place) {
            const value = flags.number();
            if (ended >= 0) {
                stream.flags[ended] = value;
            }
        }
        if (extras.place === place) {
            const args = JSON.stringify(extras.json());
            if (ended >= 0) {
                stream.args.set(ended, args);
            }
        }
    }
}

/** The calls of several streams in the order of their begins. */
export function merged(streams) {
    const order = streams.flatMap((stream) => Array.from({ length: stream.count }, (_, call) => ({ stream, call })));
    order.sort((a, b) => a.stream.start[a.call] - b.stream.start[b.call]);
    streams.forEach((stream) => (stream.places = new Int32Array(stream.count)));
    order.forEach(({ stream, call }, place) => {
        stream.places[call] = place;
    });
    const whole = new Stream(order.length);
    whole.count = order.length;
    for (const [place, { stream, call }] of order.entries()) {
        for (const column of ["start", "duration", "function", "depth", "flags"]) {
            whole[column][place] = stream[column][call];
        }
        const parent = stream.parent[call];
        whole.parent[place] = parent < 0 ? -1 : stream.places[parent];
        if (stream.args.has(call)) {
            whole.args.set(place, stream.args.get(call));
        }
    }
    whole.maxDepth = Math.max(...streams.map((stream) => stream.maxDepth));
    whole.moments = streams.flatMap((stream) => stream.moments);
    whole.events = streams.flatMap((stream) => stream.events);
    return whole;
}
