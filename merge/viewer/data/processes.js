// Collects the data of a process, and converts it to the model.

import { list, number, string } from "./header.js";
import { livesOf } from "./lives.js";
import { UNFINISHED } from "./model.js";
import { unknownTime } from "./overwritten.js";
import { isOfSpan, spanTracks } from "./spans.js";
import { Stream, merged } from "./streams.js";
import { Malformed } from "./varints.js";

/** The `tid` of the first task track. */
const FIRST_TASK = 2 ** 24;
/** An upper bound of the calls in a page. */
const CALLS_MAX = 2 ** 27;

/** The data of a process, block by block. */
export class ProcessData {
    /**
     * @param {object} of  its part of the header
     * @param {number} index
     * @param {number} moved  nanoseconds that were added to its times
     */
    constructor(of, index, moved = 0) {
        this.of = of;
        this.index = index;
        this.moved = moved;
        this.pid = number(of.pid);
        this.name = string(of.name);
        /** The number of calls by thread and task, from the header. @type {Map<string, number>} */
        this.expected = new Map();
        for (const [thread, task, calls] of list(of.calls).filter(Array.isArray)) {
            this.expected.set(`${thread} ${task}`, number(calls));
        }
        /** Streams by thread and task. @type {Map<string, Stream>} */
        this.streams = new Map();
        /** Samples by name of the counter. @type {Map<string, [number, number][]>} */
        this.samples = new Map();
        /** Lives of tasks and coroutines, by task. @type {Map<number, object[]>} */
        this.lives = new Map();
        /** Begins and ends of flows. */
        this.flows = [];
        this.latest = 0;
        /** Where the trace wants the process. @type {number|undefined} */
        this.order = undefined;
        /** Whether missing data of it was reported. */
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

    /** Adds a life of a task or of a coroutine in it. */
    life(task, life) {
        const own = this.lives.get(task);
        if (own === undefined) {
            this.lives.set(task, [life]);
        } else {
            own.push(life);
        }
    }

    instant(stream, extra) {
        const { kind, name, args, id, cat, shown, scope, next } = extra ?? {};
        const time = stream.now;
        if (kind === "counter") {
            for (const [series, value] of Object.entries(args ?? {})) {
                if (Number.isFinite(value)) {
                    this.#sample(series === "value" || series === name ? name : `${name} ${series}`, time, value);
                }
            }
        } else if (kind === "order") {
            (name === "process_sort_index" ? this : stream).order = number(args?.sort_index);
        } else if (kind === "s" || kind === "t" || kind === "f") {
            const flow = { kind, key: `${cat} ${id}`, name: string(name), stream, time };
            this.flows.push({ ...flow, isInNext: next === true });
        } else if (isOfSpan(kind)) {
            const of = { cat: string(cat), id: string(id), shown: string(shown ?? id), name: string(name) };
            stream.events.push({ time, phase: kind, ...of, args: args ?? null, stream });
        } else {
            const json = args === null || args === undefined ? null : JSON.stringify(args);
            const wide = scope === "g" || scope === "p" ? { scope } : {};
            stream.instants.push({ time, kind: string(kind), name: string(name), args: json, ...wide });
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

    /** Whether it is from a JSON trace, whose times can have any origin. */
    get isImported() {
        return this.of.opened === undefined;
    }

    #samples() {
        return [...this.samples.values()].flat();
    }

    /** Returns the time of the first event. */
    get earliest() {
        let least = Infinity;
        for (const { start, count, instants, events } of this.streams.values()) {
            const first = [...(count > 0 ? [start[0]] : []), ...[...instants, ...events].map(({ time }) => time)];
            least = first.reduce((one, other) => Math.min(one, other), least);
        }
        for (const [, , times] of list(this.of.overwritten).filter(Array.isArray)) {
            least = Math.min(least, number(list(times)[0]));
        }
        return this.#samples().reduce((one, [time]) => Math.min(one, time), least);
    }

    /** Subtracts a time from all times. @param {number} by  nanoseconds */
    shift(by) {
        for (const stream of this.streams.values()) {
            stream.now -= by;
            stream.start.forEach((time, call, all) => {
                all[call] = Math.max(0, time - by);
            });
            for (const one of [...stream.instants, ...stream.events]) {
                one.time -= by;
            }
        }
        this.flows.forEach((flow) => {
            flow.time -= by;
        });
        this.#samples().forEach((sample) => {
            sample[0] -= by;
        });
    }

    /** Adds the tracks of asynchronous spans. The end of the trace must be known. */
    spans(process, latest, functions) {
        const events = [...this.streams.values()].flatMap((stream) => stream.events);
        return events.length === 0 ? [] : spanTracks(process, events, latest, functions);
    }

    /**
     * Returns the process of the model, and sets the track of each stream. @param {number} overwritten  the function
     * "[overwritten]" @param {number} zero  offset that was subtracted from times
     */
    finish(overwritten, zero) {
        const { of, index, pid, name, moved } = this;
        const state = ["sealed", "crashed", "living"].includes(of.state) ? of.state : "unknown";
        const losses = list(of.losses).map(string);
        const process = { index, pid, name, moved, state, ...endOf(of), losses, tracks: [] };
        const unknown = new Map();
        for (const [thread, task, times] of list(of.overwritten).filter(Array.isArray)) {
            const time = unknownTime(list(times), overwritten, zero);
            unknown.set(`${thread} ${task}`, time);
            this.latest = Math.max(this.latest, ...time.start.map((start, i) => start + time.duration[i]).slice(-1));
        }
        const unknownOf = (thread, task) => unknown.get(`${thread} ${task}`) ?? unknownTime([], overwritten, 0);
        const tasks = new Map();
        for (const [key, stream] of this.streams) {
            const [thread, task] = key.split(" ").map(Number);
            stream.finish();
            this.latest = Math.max(this.latest, stream.now);
            if (task !== 0) {
                tasks.set(task, [...(tasks.get(task) ?? []), { thread, stream }]);
            }
        }
        list(of.threads).forEach((thread, index) => {
            const [, , events] = list(thread?.gap);
            const gap = list(thread?.gap).map((time) => number(time) - zero);
            const [start, end, , since, until] = gap;
            const tid = number(thread?.tid);
            // Tasks of a JSON report look like threads.
            const kind = this.isImported && tid >= FIRST_TASK ? "task" : "thread";
            const stream = this.streams.get(`${index} 0`) ?? new Stream(0);
            process.tracks.push(track(process, kind, string(thread?.name), tid, [stream], {
                overwritten: number(thread?.overwritten),
                lost: number(thread?.lost),
                gap: Number.isFinite(events) ? { start, end, events, since, until } : null,
                unknown: [unknownOf(index, 0)],
            }));
        });
        for (const [task, parts] of [...tasks].sort(([a], [b]) => a - b)) {
            const streams = parts.sort((a, b) => a.thread - b.thread).map(({ stream }) => stream);
            const taskName = string(of.tasks?.[task]) || `task ${task}`;
            const made = track(process, "task", taskName, FIRST_TASK + task, streams);
            made.parts = parts.map(({ thread, stream }) => ({
                thread: process.tracks[thread], calls: stream.indices, unknown: unknownOf(thread, task),
            }));
            made.unknown = made.parts.map((part) => part.unknown);
            if (this.lives.has(task)) {
                made.lives = livesOf(this.lives.get(task), zero);
            }
            process.tracks.push(made);
        }
        const opened = this.isImported ? Math.min(this.earliest, this.latest) : number(of.opened);
        return Object.assign(process, { opened, last: this.latest, ...placeOf(this) });
    }

    /** Returns the counters of the model. */
    counters(process) {
        return [...this.samples].map(([name, samples]) => {
            samples.sort(([a], [b]) => a - b);
            const times = Float64Array.from(samples, ([time]) => time);
            const values = Float64Array.from(samples, ([, value]) => value);
            return { process, name, times, values };
        });
    }
}

/** Returns how a process ended, as its header says. */
function endOf({ ending, isEndingKnown, isAbnormal, tellsItsEnd, waitedAfter }) {
    return {
        ending: string(ending),
        isEndingKnown: isEndingKnown !== false,
        isAbnormal: isAbnormal === true,
        tellsItsEnd: tellsItsEnd === true,
        waitedAfter: Number.isFinite(waitedAfter) && waitedAfter >= 0 ? waitedAfter : null,
    };
}

/** Returns where the trace wants a thread, if it says so. */
function placeOf(stream) {
    return stream?.order === undefined ? {} : { order: stream.order };
}

/** Returns a track of the model, of one stream, or of several if a task ran on several threads. */
function track(process, kind, name, tid, streams, loss = { overwritten: 0, lost: 0, gap: null, unknown: [] }) {
    const whole = streams.length === 1 ? streams[0] : merged(streams);
    const { count, maxDepth, instants, args, events } = whole;
    const trim = (column) => (column.length === count ? column : column.subarray(0, count));
    instants.sort((a, b) => a.time - b.time);
    const made = {
        index: 0, process, kind, name, tid, count,
        start: trim(whole.start), duration: trim(whole.duration), function: trim(whole.function),
        depth: trim(whole.depth), parent: trim(whole.parent), flags: trim(whole.flags),
        maxDepth, instants, args, events, ...loss, unfinished: 0, ...placeOf(streams[0]),
    };
    for (const flags of made.flags) {
        made.unfinished += flags & UNFINISHED;
    }
    streams.forEach((stream) => {
        stream.track = made;
    });
    return made;
}
