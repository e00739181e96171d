// Decodes the events of a stream, block by block.

import { CLIPPED } from "./model.js";
import { Malformed, Rare } from "./varints.js";

const END = 0;
const INSTANT = 1;
const FIRST_FUNCTION = 2;

/** The calls of a thread, or of a task on a thread, collected block by block. */
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
        this.instants = [];
        /** Events of spans. */
        this.events = [];
        this.args = new Map();
        /** The index of each call on a track that several streams share. @type {Int32Array|null} */
        this.indices = null;
        /** Open calls, outermost first; -1 for a call whose begin could not be read. */
        this.open = [];
        this.now = 0;
    }

    /** Makes the number of open calls right, if a block before could not be read. */
    mend(open, now) {
        while (this.open.length > open) {
            this.cut(this.open.pop(), now);
        }
        while (this.open.length < open) {
            this.open.push(-1);
        }
    }

    /** Ends a call whose end is unknown. */
    cut(call, now) {
        if (call >= 0) {
            this.duration[call] = Math.max(0, now - this.start[call]);
            this.flags[call] |= CLIPPED;
        }
    }

    /** Ends all open calls. */
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

/** Reads the events of one stream. */
export function section(process, stream, functions, open, first, columns) {
    const [what, begins, ends] = columns;
    const [flags, extras] = [new Rare(columns[3]), new Rare(columns[4])];
    const capacity = stream.start.length;
    stream.mend(open, first);
    stream.now = Math.max(stream.now, first);
    for (let index = 0; what.at < what.end; index += 1) {
        const token = what.next();
        let ended = -1;
        if (token === END) {
            stream.now += ends.next();
            ended = stream.open.pop() ?? -1;
        } else if (token === INSTANT) {
            stream.now += begins.next();
            if (extras.index === index) {
                process.instant(stream, extras.json());
            }
            continue;
        } else {
            const local = (token - FIRST_FUNCTION) >>> 1;
            if (local >= functions.length) {
                throw new Malformed("a function in it is none");
            }
            stream.now += begins.next();
            const call = stream.begin(capacity, functions[local]);
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
        if (flags.index === index) {
            const value = flags.number();
            if (ended >= 0) {
                stream.flags[ended] = value;
            }
        }
        if (extras.index === index) {
            const args = JSON.stringify(extras.json());
            if (ended >= 0) {
                stream.args.set(ended, args);
            }
        }
    }
}

/** Merges the calls of several streams in the order of their begins. */
export function merged(streams) {
    const order = streams.flatMap((stream) => Array.from({ length: stream.count }, (_, call) => ({ stream, call })));
    order.sort((a, b) => a.stream.start[a.call] - b.stream.start[b.call]);
    streams.forEach((stream) => (stream.indices = new Int32Array(stream.count)));
    order.forEach(({ stream, call }, index) => {
        stream.indices[call] = index;
    });
    const whole = new Stream(order.length);
    whole.count = order.length;
    for (const [index, { stream, call }] of order.entries()) {
        for (const column of ["start", "duration", "function", "depth", "flags"]) {
            whole[column][index] = stream[column][call];
        }
        const parent = stream.parent[call];
        whole.parent[index] = parent < 0 ? -1 : stream.indices[parent];
        if (stream.args.has(call)) {
            whole.args.set(index, stream.args.get(call));
        }
    }
    whole.maxDepth = Math.max(...streams.map((stream) => stream.maxDepth));
    whole.instants = streams.flatMap((stream) => stream.instants);
    whole.events = streams.flatMap((stream) => stream.events);
    return whole;
}
