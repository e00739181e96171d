// Bytes of blocks to the model. What a page holds is told in ../README.md.
//
// Nothing here believes what it reads: what cannot be right is told in `problems`, and the rest is kept.

import { CLIPPED, Functions, UNFINISHED } from "./model.js";

/** The version of the page's data that this reads. */
export const FORMAT = 1;
/** Tracks of tasks are numbered from here on. */
const FIRST_TASK = 2 ** 24;
/** More calls than any page holds. */
const CALLS_MAX = 2 ** 27;

const END = 0;
const MOMENT = 1;
const FIRST_FUNCTION = 2;

const text = new TextDecoder();
const list = (value) => (Array.isArray(value) ? value : []);
const number = (value) => (Number.isFinite(value) ? value : 0);
const string = (value) => (typeof value === "string" ? value : "");

/** Bytes that are not what they should be. */
class Malformed extends Error {}

/** Numbers out of bytes: 7 bits in each, the lowest first, the top bit says that more follow. */
class Varints {
    /** @param {Uint8Array} bytes @param {number} at @param {number} end */
    constructor(bytes, at, end) {
        this.bytes = bytes;
        this.at = at;
        this.end = end;
    }

    get isOver() {
        return this.at >= this.end;
    }

    /** @returns {number} */
    next() {
        if (this.at >= this.end) {
            throw new Malformed("it is cut off");
        }
        const byte = this.bytes[this.at++];
        return byte < 128 ? byte : this.rest(byte - 128);
    }

    /** @param {number} value */
    rest(value) {
        for (let scale = 128; scale <= 2 ** 49; scale *= 128) {
            if (this.at >= this.end) {
                break;
            }
            const byte = this.bytes[this.at++];
            value += (byte & 127) * scale;
            if (byte < 128) {
                return value;
            }
        }
        throw new Malformed("a number in it has no end");
    }

    /** The next bytes by themselves. @param {number} length */
    column(length) {
        const end = this.at + length;
        if (end > this.end) {
            throw new Malformed("it is cut off");
        }
        const column = new Varints(this.bytes, this.at, end);
        this.at = end;
        return column;
    }
}

/** A column of what few steps have: the place of the next step that has it. */
class Rare {
    /** @param {Varints} column */
    constructor(column) {
        this.column = column;
        this.place = -1;
        this.base = 0;
        this.advance();
    }

    advance() {
        this.place = this.column.isOver ? -1 : this.base + this.column.next();
        this.base = this.place;
    }

    /** The number at the place. */
    number() {
        const value = this.column.next();
        this.advance();
        return value;
    }

    /** What the JSON at the place says. */
    json() {
        const { bytes, at, end } = this.column.column(this.column.next());
        this.advance();
        try {
            return JSON.parse(text.decode(bytes.subarray(at, end)));
        } catch {
            throw new Malformed("a text in it is no JSON");
        }
    }
}

/** The calls of a thread, or of a task on a thread, as they come block by block. */
class Stream {
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
        this.args = new Map();
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

/** Makes a trace of a page's header and blocks. */
export class Decoder {
    /** @param {unknown} header */
    constructor(header) {
        /** Sentences about what could not be read. @type {string[]} */
        this.problems = [];
        this.header = header !== null && typeof header === "object" ? header : {};
        if (this.header.format !== FORMAT) {
            this.problems.push(`The report's data is of version ${this.header.format}; its viewer knows ${FORMAT}.`);
        }
        const { names, paths, files, lines } = this.header;
        const places = list(files).map((place) => (Number.isInteger(place) ? place : -1));
        this.functions = new Functions(list(names).map(string), list(paths).map(string), places, list(lines).map(number));
        this.processes = list(this.header.processes).map((of, index) => new ProcessData(of ?? {}, index));
        this.sources = new Map();
    }

    /** How many calls there should be. */
    get calls() {
        return this.processes.reduce((sum, process) => sum + process.calls, 0);
    }

    /**
     * Takes a block of a process. Those of one process must come in order.
     * @param {number} index  the process's
     * @param {Uint8Array} bytes
     */
    add(index, bytes) {
        const process = this.processes[index];
        if (process === undefined) {
            this.problems.push("A part of the trace belongs to no process and is left out.");
            return;
        }
        try {
            this.#block(process, new Varints(bytes, 0, bytes.length));
        } catch (error) {
            this.damaged(index, error);
        }
    }

    /** Tells of a block that cannot be read. @param {number} index  the process's @param {unknown} error */
    damaged(index, error) {
        const process = this.processes[index] ?? { name: "a process", pid: "?" };
        const { name, pid } = process;
        process.isDamaged = true;
        const reason = error instanceof Error ? error.message : String(error);
        this.problems.push(`A part of ${name} (pid ${pid}) cannot be read and is missing: ${reason}.`);
    }

    /** Takes a source file: ["/x/a.py", [text, lines]]. @param {string} json */
    addSource(json) {
        try {
            const [path, [source]] = JSON.parse(json);
            this.sources.set(string(path), string(source));
        } catch (error) {
            this.problems.push(`The text of a source file cannot be read: ${error.message}.`);
        }
    }

    #block(process, input) {
        const size = input.next();
        if (size > input.end) {
            throw new Malformed("it is cut off");
        }
        const functions = new Uint32Array(size);
        for (let i = 0; i < size; i += 1) {
            const known = input.next();
            functions[i] = known < this.functions.count ? known : 0;
        }
        while (!input.isOver) {
            const [thread, task, open, first] = [input.next(), input.next(), input.next(), input.next()];
            if (open > 2 ** 24) {
                throw new Malformed("too many calls are open in it");
            }
            const lengths = [input.next(), input.next(), input.next(), input.next(), input.next()];
            const columns = lengths.map((length) => input.column(length));
            try {
                section(process, process.stream(thread, task), functions, open, first, columns);
            } catch (error) {
                this.damaged(process.index, error);
            }
        }
    }

    /** Tells what is missing and was not told. */
    #count() {
        for (const process of this.processes.filter((of) => !of.isDamaged)) {
            const found = [...process.streams.values()].reduce((sum, stream) => sum + stream.count, 0);
            if (found < process.calls) {
                const { name, pid, calls } = process;
                this.problems.push(`${calls - found} of ${calls} calls of ${name} (pid ${pid}) are missing.`);
            }
        }
    }

    /** The trace. @returns {import("./model.js").Trace} */
    finish() {
        const { header, functions, sources } = this;
        this.#count();
        const processes = this.processes.map((process) => process.finish());
        const tracks = processes.flatMap((process) => process.tracks);
        tracks.forEach((track, index) => {
            track.index = index;
        });
        const duration = this.processes.reduce((latest, process) => Math.max(latest, process.latest), 0);
        const counters = this.processes.flatMap((process, index) => process.counters(processes[index]));
        const flows = [...starts(this.processes, processes), ...pairs(this.processes)];
        const lastWords = processes.filter((process) => process.state !== "sealed").map(words);
        let baseRealtime = null;
        if (/^\d{1,20}$/.test(header.baseRealtime)) {
            baseRealtime = BigInt(header.baseRealtime);
        }
        return {
            title: string(header.title), version: string(header.version), duration, baseRealtime,
            warnings: list(header.warnings).map(string), functions, processes, tracks, counters, flows, sources,
            lastWords: lastWords.filter((of) => of.threads.length > 0), metadata: header.metadata ?? {},
        };
    }
}

/** Takes the steps of one stream. */
function section(process, stream, functions, open, first, columns) {
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

/** A process as it is read. */
class ProcessData {
    /** @param {object} of  what the header tells @param {number} index */
    constructor(of, index) {
        this.of = of;
        this.index = index;
        this.pid = number(of.pid);
        this.name = string(of.name);
        /** By thread and task, how many calls there should be. @type {Map<string, number>} */
        this.expected = new Map();
        for (const [thread, task, calls] of list(of.calls).filter(Array.isArray)) {
            this.expected.set(`${thread} ${task}`, number(calls));
        }
        /** By thread and task. @type {Map<string, Stream>} */
        this.streams = new Map();
        /** Samples of counters by their name. @type {Map<string, [number, number][]>} */
        this.samples = new Map();
        /** Ends of arrows. */
        this.flows = [];
        this.latest = 0;
        /** Whether it was told that something of it is missing. */
        this.isDamaged = false;
    }

    get calls() {
        return [...this.expected.values()].reduce((sum, calls) => sum + calls, 0);
    }

    stream(thread, task) {
        const key = `${thread} ${task}`;
        let stream = this.streams.get(key);
        if (stream === undefined) {
            const calls = this.expected.get(key) ?? 0;
            if (calls < 0 || calls > CALLS_MAX || thread >= list(this.of.threads).length) {
                throw new Malformed("it belongs to no thread");
            }
            stream = new Stream(calls);
            this.streams.set(key, stream);
        }
        return stream;
    }

    moment(stream, extra) {
        const { kind, name, args, id, cat } = extra ?? {};
        const time = stream.now;
        if (kind === "counter") {
            for (const [series, value] of Object.entries(args ?? {})) {
                if (Number.isFinite(value)) {
                    this.#sample(series === "value" || series === name ? name : `${name} ${series}`, time, value);
                }
            }
        } else if (kind === "s" || kind === "t" || kind === "f") {
            this.flows.push({ kind, key: `${cat} ${id}`, name: string(name), stream, time });
        } else {
            const json = args === null || args === undefined ? null : JSON.stringify(args);
            stream.moments.push({ time, kind: string(kind), name: string(name), args: json });
        }
    }

    #sample(name, time, value) {
        const samples = this.samples.get(name);
        if (samples === undefined) {
            this.samples.set(name, [[time, value]]);
        } else {
            samples.push([time, value]);
        }
    }

    /** The process of the model. Every stream learns its track. */
    finish() {
        const { of, index, pid, name } = this;
        const state = ["sealed", "crashed", "living"].includes(of.state) ? of.state : "sealed";
        const process = { index, pid, name, state, tracks: [] };
        const tasks = new Map();
        for (const [key, stream] of this.streams) {
            const [thread, task] = key.split(" ").map(Number);
            stream.finish();
            this.latest = Math.max(this.latest, stream.now);
            if (task !== 0) {
                tasks.set(task, [...(tasks.get(task) ?? []), { thread, stream }]);
            }
        }
        list(of.threads).forEach((thread, place) => {
            const [start, end, events] = list(thread?.gap);
            const tid = number(thread?.tid);
            // Tasks of a report that was merged before look like threads.
            const kind = of.opened === undefined && tid >= FIRST_TASK ? "task" : "thread";
            const stream = this.streams.get(`${place} 0`) ?? new Stream(0);
            process.tracks.push(track(process, kind, string(thread?.name), tid, [stream], {
                overwritten: number(thread?.overwritten),
                lost: number(thread?.lost),
                gap: Number.isFinite(events) ? { start, end, events } : null,
            }));
        });
        for (const [task, parts] of [...tasks].sort(([a], [b]) => a - b)) {
            const streams = parts.sort((a, b) => a.thread - b.thread).map(({ stream }) => stream);
            const taskName = string(of.tasks?.[task]) || `task ${task}`;
            process.tracks.push(track(process, "task", taskName, FIRST_TASK + task, streams));
        }
        return process;
    }

    /** Counters of the model. */
    counters(process) {
        return [...this.samples].map(([name, samples]) => {
            samples.sort(([a], [b]) => a - b);
            const times = Float64Array.from(samples, ([time]) => time);
            const values = Float64Array.from(samples, ([, value]) => value);
            return { process, name, times, values };
        });
    }
}

/** A track of the model, of one stream; or of several, if a task has run on more than one thread. */
function track(process, kind, name, tid, streams, loss = { overwritten: 0, lost: 0, gap: null }) {
    const whole = streams.length === 1 ? streams[0] : merged(streams);
    const { count, maxDepth, moments, args } = whole;
    const trim = (column) => (column.length === count ? column : column.subarray(0, count));
    moments.sort((a, b) => a.time - b.time);
    const made = {
        index: 0, process, kind, name, tid, count,
        start: trim(whole.start), duration: trim(whole.duration), function: trim(whole.function),
        depth: trim(whole.depth), parent: trim(whole.parent), flags: trim(whole.flags),
        maxDepth, moments, args, ...loss, unfinished: 0,
    };
    for (const flags of made.flags) {
        made.unfinished += flags & UNFINISHED;
    }
    streams.forEach((stream) => {
        stream.track = made;
    });
    return made;
}

/** The calls of several streams in the order of their begins. */
function merged(streams) {
    const order = streams.flatMap((stream) => Array.from({ length: stream.count }, (_, call) => ({ stream, call })));
    order.sort((a, b) => a.stream.start[a.call] - b.stream.start[b.call]);
    const places = new Map(streams.map((stream) => [stream, new Int32Array(stream.count)]));
    order.forEach(({ stream, call }, place) => {
        places.get(stream)[call] = place;
    });
    const whole = new Stream(order.length);
    whole.count = order.length;
    for (const [place, { stream, call }] of order.entries()) {
        for (const column of ["start", "duration", "function", "depth", "flags"]) {
            whole[column][place] = stream[column][call];
        }
        const parent = stream.parent[call];
        whole.parent[place] = parent < 0 ? -1 : places.get(stream)[parent];
        if (stream.args.has(call)) {
            whole.args.set(place, stream.args.get(call));
        }
    }
    whole.maxDepth = Math.max(...streams.map((stream) => stream.maxDepth));
    whole.moments = streams.flatMap((stream) => stream.moments);
    return whole;
}

/** Arrows from where a process started another one to that one's first call. */
function* starts(read, processes) {
    for (const { of, index } of read) {
        const parent = processes[of.parent];
        const withCalls = processes[index].tracks.filter((of) => of.count > 0);
        if (parent === undefined || withCalls.length === 0 || !Number.isFinite(of.opened)) {
            continue;
        }
        const toTrack = withCalls.reduce((first, other) => (other.start[0] < first.start[0] ? other : first));
        const toTime = toTrack.start[0];
        const fromTime = Math.min(of.opened, toTime);
        const busy = parent.tracks.filter((of) => of.kind === "thread" && isBusy(of, fromTime));
        const fromTrack = busy.find((of) => of.tid === parent.pid) ?? busy[0] ?? parent.tracks[0];
        if (fromTrack !== undefined) {
            yield { fromTrack, fromTime, toTrack, toTime, name: "start" };
        }
    }
}

/** Whether a call is open on a track at a time: the outermost one will do. */
function isBusy(track, time) {
    let [low, high] = [0, track.count];
    while (low < high) {
        const middle = (low + high) >>> 1;
        [low, high] = track.start[middle] <= time ? [middle + 1, high] : [low, middle];
    }
    let call = low - 1;
    while (call >= 0 && track.parent[call] >= 0) {
        call = track.parent[call];
    }
    return call >= 0 && track.start[call] + track.duration[call] >= time;
}

/** Arrows of the trace: `s` begins one, `t` leads on, `f` ends it. */
function* pairs(read) {
    const ends = read.flatMap((process) => process.flows).sort((a, b) => a.time - b.time);
    const last = new Map();
    for (const { kind, key, name, stream, time } of ends) {
        const from = last.get(key);
        if (kind !== "s" && from !== undefined) {
            yield { fromTrack: from.stream.track, fromTime: from.time, toTrack: stream.track, toTime: time, name };
        }
        if (kind === "f") {
            last.delete(key);
        } else {
            last.set(key, { stream, time });
        }
    }
}

/** What the threads of a process were doing that did not end in order. */
function words(process) {
    const threads = [];
    for (const track of process.tracks.filter((of) => of.unfinished > 0)) {
        const frames = [];
        for (let call = 0; call < track.count; call += 1) {
            if ((track.flags[call] & UNFINISHED) !== 0) {
                frames.push({ function: track.function[call], since: track.start[call], call });
            }
        }
        threads.push({ track, name: track.name, frames });
    }
    return { process, threads };
}
