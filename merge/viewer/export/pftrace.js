// The trace as Perfetto's protobuf, as `viztracer-merge` writes it. Each thread and task is a packet sequence with an
// incremental clock. A name is interned when the sequence first uses it.

import { DRAWN, ofCalls } from "../data/model.js";
import { extras, gapName, lostName, parsed, walk, zeroOf } from "./events.js";
import { marks, metadataText } from "./json.js";
import { eachLife, lifeArguments } from "./lives.js";
import { Message } from "./protobuf.js";

/** Bytes per piece. */
const PIECE = 1 << 20;
/** Levels of calls that Perfetto draws; it would draw deeper calls at the outermost level. */
const LEVELS = 512;
/** The sequence of packets without a thread. */
const OWN_SEQUENCE = 1;
/** The id of a sequence's own clock. */
const SEQUENCE_CLOCK = 64;

/** Field numbers from Perfetto's protos/perfetto/trace. */
const TRACE = { packet: 1 };
const PACKET = {
    chromeEvents: 5, clockSnapshot: 6, timestamp: 8, sequenceId: 10, trackEvent: 11, internedData: 12,
    sequenceFlags: 13, defaults: 59, trackDescriptor: 60,
};
const STATE_CLEARED = 1;
const NEEDS_STATE = 2;
const DEFAULTS = { trackEvent: 11, clockId: 58 };
const CLOCK = { id: 1, timestamp: 2, isIncremental: 3, REALTIME: 1, BOOTTIME: 6 };
const INTERNED = { eventNames: 2, sourceLocations: 4, iid: 1, name: 2, file: 2, function: 3, line: 4 };
const TRACK = { uuid: 1, name: 2, process: 3, thread: 4, parent: 5, counter: 8, siblingMerge: 15, MERGE_NONE: 2 };
const PROCESS = { pid: 1, name: 6 };
const THREAD = { pid: 1, tid: 2, name: 5 };
const EVENT = {
    annotations: 4, legacy: 6, type: 9, nameIid: 10, track: 11, categories: 22, name: 23, locationIid: 34,
    doubleCounter: 44, BEGIN: 1, END: 2, INSTANT: 3, COUNTER: 4,
};
const LEGACY = { phase: 2, id: 6, bindToEnclosing: 12 };
const ANNOTATION = { bool: 2, int: 4, double: 5, string: 6, name: 10, entries: 11, values: 12 };
const METADATA = { metadata: 2, name: 1, json: 5 };

/**
 * Returns the file in pieces, and the number of calls that were too deep.
 * @param {import("../data/model.js").Trace} trace
 * @returns {Generator<number, {pieces: Blob[], tooDeep: number}>}
 */
export function* perfettoTrace(trace) {
    const out = new Output();
    const numbers = describe(trace, out);
    const tracks = ofCalls(trace.tracks);
    const all = tracks.reduce((sum, track) => sum + track.count, 0) || 1;
    let [done, tooDeep] = [0, 0];
    for (const track of tracks) {
        const sequence = new Sequence(out, numbers.get(track), zeroOf(trace, track.process));
        const encoder = new Encoder(trace, track, sequence);
        for (const calls of walk(track, extras(trace, track), encoder)) {
            out.flush(PIECE);
            yield (done + calls) / all;
        }
        done += track.count;
        tooDeep += encoder.tooDeep;
        putLives(out, track, trace.functions, numbers);
    }
    for (const counter of trace.counters) {
        putCounter(out, counter, numbers, zeroOf(trace, counter.process));
    }
    out.packet((packet) => {
        packet.number(PACKET.sequenceId, OWN_SEQUENCE);
        packet.message(PACKET.chromeEvents, (events) => events.message(METADATA.metadata, (entry) => {
            entry.string(METADATA.name, "viztracer_metadata");
            entry.string(METADATA.json, metadataText(trace));
        }));
    });
    out.flush(0);
    return { pieces: out.pieces, tooDeep };
}

/** Collects packets into pieces. */
class Output {
    constructor() {
        this.bytes = new Message();
        /** @type {Blob[]} */
        this.pieces = [];
    }

    packet(fill) {
        this.bytes.message(TRACE.packet, fill);
    }

    flush(least) {
        if (this.bytes.length > least) {
            this.pieces.push(new Blob([this.bytes.take()]));
            this.bytes.clear();
        }
    }
}

/** Writes the clocks and the tracks of all processes, threads and tasks; returns their ids. */
function describe(trace, out) {
    const numbers = new Map();
    let next = OWN_SEQUENCE + 1;
    out.packet((packet) => {
        packet.number(PACKET.sequenceId, OWN_SEQUENCE);
        packet.message(PACKET.clockSnapshot, (snapshot) => {
            putClock(snapshot, CLOCK.BOOTTIME, 0);
            if (trace.fileRealtime !== null) {
                putClock(snapshot, CLOCK.REALTIME, trace.fileRealtime);
            }
        });
    });
    for (const process of trace.processes) {
        numbers.set(process, next);
        putTrack(out, OWN_SEQUENCE, next, (track) => track.message(TRACK.process, (message) => {
            message.number(PROCESS.pid, process.pid);
            message.string(PROCESS.name, process.name);
        }));
        next += 1;
        for (const of of ofCalls(process.tracks)) {
            numbers.set(of, next);
            putTrack(out, next, next, (track) => describeTrack(track, of, numbers.get(process)));
            next += 1;
        }
    }
    for (const counter of trace.counters) {
        numbers.set(counter, next);
        next += 1;
    }
    return numbers;
}

/** Perfetto has no tasks. Tasks of the same name are kept separate. */
function describeTrack(message, track, process) {
    message.number(TRACK.parent, process);
    if (track.kind === "task") {
        message.string(TRACK.name, track.name);
        message.number(TRACK.siblingMerge, TRACK.MERGE_NONE);
        return;
    }
    message.message(TRACK.thread, (thread) => {
        thread.number(THREAD.pid, track.process.pid);
        thread.number(THREAD.tid, track.tid);
        thread.string(THREAD.name, track.name);
    });
}

function putTrack(out, sequence, uuid, fill) {
    out.packet((packet) => {
        packet.number(PACKET.sequenceId, sequence);
        packet.message(PACKET.trackDescriptor, (track) => {
            track.number(TRACK.uuid, uuid);
            fill(track);
        });
    });
}

function putClock(snapshot, id, timestamp) {
    snapshot.message(1, (clock) => {
        clock.number(CLOCK.id, id);
        clock.number(CLOCK.timestamp, timestamp);
    });
}

function putCounter(out, counter, numbers, zero) {
    const uuid = numbers.get(counter);
    putTrack(out, uuid, uuid, (track) => {
        track.number(TRACK.parent, numbers.get(counter.process));
        track.string(TRACK.name, counter.name);
        track.message(TRACK.counter, () => {});
    });
    const sequence = new Sequence(out, uuid, zero);
    counter.times.forEach((time, i) => sequence.event(time, (event) => {
        event.number(EVENT.type, EVENT.COUNTER);
        event.double(EVENT.doubleCounter, counter.values[i]);
    }));
}

/** Writes the lives of a task: those of each depth are a track and a sequence. Tracks of one name are drawn as one. */
function putLives(out, track, functions, numbers) {
    const sequences = [];
    const begun = (level) => {
        const uuid = numbers.size + OWN_SEQUENCE + 1;
        numbers.set({}, uuid);
        putTrack(out, uuid, uuid, (message) => {
            message.number(TRACK.parent, numbers.get(track));
            message.string(TRACK.name, "life");
        });
        sequences[level] = new Sequence(out, uuid);
        return sequences[level];
    };
    eachLife(track, functions, ({ level, start, end, category, name }, at) => {
        const sequence = sequences[level] ?? begun(level);
        sequence.event(start, (event) => {
            event.number(EVENT.type, EVENT.BEGIN);
            event.string(EVENT.categories, category);
            event.string(EVENT.name, name);
            putArguments(event, lifeArguments(track, at));
        });
        sequence.event(end, (event) => event.number(EVENT.type, EVENT.END));
    });
}

/** The packet sequence of one track. */
class Sequence {
    #now = 0;

    /** @param {number} zero  offset that is added to all times */
    constructor(out, id, zero) {
        this.out = out;
        this.id = id;
        this.zero = zero;
        out.packet((packet) => this.#state(packet));
    }

    /** Writes a packet with an event. */
    event(time, fill) {
        const delta = Math.max(0, Math.floor(time) + this.zero - this.#now);
        this.#now += delta;
        this.out.packet((packet) => {
            packet.number(PACKET.timestamp, delta);
            this.#prefix(packet);
            packet.message(PACKET.trackEvent, fill);
        });
    }

    /** Writes a packet with interned data. */
    interned(fill) {
        this.out.packet((packet) => {
            this.#prefix(packet);
            packet.message(PACKET.internedData, fill);
        });
    }

    #prefix(packet) {
        packet.number(PACKET.sequenceId, this.id);
        packet.number(PACKET.sequenceFlags, NEEDS_STATE);
    }

    #state(packet) {
        packet.number(PACKET.sequenceId, this.id);
        packet.number(PACKET.sequenceFlags, STATE_CLEARED);
        packet.message(PACKET.defaults, (defaults) => {
            defaults.number(DEFAULTS.clockId, SEQUENCE_CLOCK);
            defaults.message(DEFAULTS.trackEvent, (event) => event.number(EVENT.track, this.id));
        });
        packet.message(PACKET.clockSnapshot, (snapshot) => {
            snapshot.message(1, (clock) => {
                clock.number(CLOCK.id, SEQUENCE_CLOCK);
                clock.number(CLOCK.timestamp, 0);
                clock.number(CLOCK.isIncremental, 1);
            });
            putClock(snapshot, CLOCK.BOOTTIME, 0);
        });
    }
}

/** Writes the events of one track. */
class Encoder {
    #iids = new Map();

    constructor({ functions }, track, sequence) {
        Object.assign(this, { functions, track, sequence, tooDeep: 0 });
        this.begin = this.begin.bind(this);
        this.end = this.end.bind(this);
        this.extra = this.extra.bind(this);
    }

    begin(call) {
        const { track } = this;
        if (track.depth[call] >= LEVELS) {
            this.tooDeep += 1;
            return;
        }
        const of = track.function[call];
        const iid = this.#iids.get(of) ?? this.#intern(of);
        this.sequence.event(track.start[call], (event) => {
            event.number(EVENT.type, EVENT.BEGIN);
            event.number(EVENT.nameIid, iid);
            if (this.functions.file(of) !== "") {
                event.number(EVENT.locationIid, iid);
            }
            if ((track.flags[call] & DRAWN) !== 0) {
                putArguments(event, marks(track.flags[call] & DRAWN));
            }
        });
    }

    end(call, time) {
        const { track } = this;
        if (track.depth[call] < LEVELS) {
            this.sequence.event(time, (event) => {
                event.number(EVENT.type, EVENT.END);
                const args = track.args.get(call);
                if (args !== undefined) {
                    putArguments(event, parsed(args));
                }
            });
        }
    }

    extra({ time, what, of }) {
        if (what === "flow") {
            this.sequence.event(time, (event) => putFlow(event, of));
        } else if (what === "span") {
            this.sequence.event(time, (event) => putSpan(event, of));
        } else if (what === "lost") {
            this.#put(time, EVENT.INSTANT, "LOSS", lostName(of.count), { lost: of.count });
        } else if (what === "gap") {
            const [since, until] = [of.since, of.until].map((at) => (at + this.sequence.zero) / 1000);
            this.#put(time, EVENT.BEGIN, "LOSS", gapName(of.events), { overwritten: of.events, since, until });
            this.sequence.event(of.end, (event) => event.number(EVENT.type, EVENT.END));
        } else {
            this.#put(time, EVENT.INSTANT, of.kind.toUpperCase(), of.name, parsed(of.args));
        }
    }

    #put(time, type, category, name, args) {
        this.sequence.event(time, (event) => {
            event.number(EVENT.type, type);
            event.string(EVENT.categories, category);
            event.string(EVENT.name, name);
            putArguments(event, args);
        });
    }

    /** Interns a function and its source location in this sequence; returns the id. */
    #intern(of) {
        const { functions } = this;
        const iid = this.#iids.size + 1;
        this.#iids.set(of, iid);
        this.sequence.interned((data) => {
            data.message(INTERNED.eventNames, (name) => {
                name.number(INTERNED.iid, iid);
                name.string(INTERNED.name, functions.label(of));
            });
            if (functions.file(of) !== "") {
                data.message(INTERNED.sourceLocations, (location) => {
                    location.number(INTERNED.iid, iid);
                    location.string(INTERNED.file, functions.file(of));
                    location.string(INTERNED.function, functions.name(of));
                    location.number(INTERNED.line, functions.line(of));
                });
            }
        });
        return iid;
    }
}

/** Writes one end of an arrow. */
function putFlow(event, { phase, id, name }) {
    event.string(EVENT.categories, "flow");
    event.string(EVENT.name, name);
    event.message(EVENT.legacy, (legacy) => {
        legacy.number(LEGACY.phase, phase.charCodeAt(0));
        legacy.number(LEGACY.id, id);
        if (phase === "f") {
            legacy.number(LEGACY.bindToEnclosing, 1);
        }
    });
}

/** Writes an event of a span; Perfetto connects them by category and id. */
function putSpan(event, { phase, cat, id, name, args }) {
    event.string(EVENT.categories, cat);
    event.string(EVENT.name, name);
    putArguments(event, args ?? {});
    event.message(EVENT.legacy, (legacy) => {
        legacy.number(LEGACY.phase, phase.charCodeAt(0));
        legacy.number(LEGACY.id, BigInt(/^\d+$/.test(id) ? id : 0));
    });
}

function putArguments(event, args) {
    for (const [name, value] of Object.entries(args)) {
        event.message(EVENT.annotations, (message) => putEntry(message, name, value));
    }
}

function putEntry(message, name, value) {
    message.string(ANNOTATION.name, name);
    putValue(message, value);
}

/** Protobuf has no null: an annotation for null has a name and no value. */
function putValue(message, value) {
    if (typeof value === "boolean") {
        message.number(ANNOTATION.bool, Number(value));
    } else if (Number.isSafeInteger(value)) {
        message.number(ANNOTATION.int, value);
    } else if (typeof value === "number") {
        message.double(ANNOTATION.double, value);
    } else if (typeof value === "string") {
        message.string(ANNOTATION.string, value);
    } else if (Array.isArray(value)) {
        value.forEach((item) => message.message(ANNOTATION.values, (inner) => putValue(inner, item)));
    } else if (value !== null) {
        for (const [name, item] of Object.entries(value)) {
            message.message(ANNOTATION.entries, (inner) => putEntry(inner, name, item));
        }
    }
}
