// The trace in the Chrome trace format, as `viztracer-merge` writes it. Calls are X events. Calls that were open when
// the recording was stopped in order are B events. Missing events are in the metadata only, since scripts count events.
// Merging the file again gives the same page.

import { ABANDONED, CLIPPED, INHERITED, RAISED, UNFINISHED, YIELDED, firstFrom, ofCalls } from "../data/model.js";
import { extras, parsed, zeroOf } from "./events.js";
import { eachLife, lifeMembers } from "./lives.js";

/** Characters per piece of text. */
const PIECE = 1 << 20;
/** Calls between two reads of the clock. */
const RUN = 1 << 12;

/**
 * Returns the file in pieces.
 * @param {import("../data/model.js").Trace} trace
 * @returns {Generator<number, Blob[]>}
 */
export function* chromeJson(trace) {
    const pieces = [];
    let text = '{"traceEvents":[';
    let separator = "\n";
    const put = (event) => {
        text += separator + event;
        separator = ",\n";
        if (text.length > PIECE) {
            pieces.push(new Blob([text]));
            text = "";
        }
    };
    names(trace).forEach(put);
    yield* events(trace, put);
    counters(trace).forEach(put);
    text += `\n],\n"viztracer_metadata":${metadataText(trace)}${fileInfo(trace)}}\n`;
    pieces.push(new Blob([text], { type: "application/json" }));
    return pieces;
}

/** Returns the names and the order of processes, threads and tasks. */
function names({ processes }) {
    const named = (pid, tid, kind, name) => JSON.stringify({ ph: "M", pid, tid, name: kind, args: { name } });
    const place = (pid, tid, kind, order) =>
        order === undefined ? [] : [JSON.stringify({ ph: "M", pid, tid, name: kind, args: { sort_index: order } })];
    return processes.flatMap(({ pid, name, order: ofProcess, tracks }) => [
        named(pid, pid, "process_name", name),
        ...place(pid, pid, "process_sort_index", ofProcess),
        ...ofCalls(tracks).flatMap(({ tid, name: ofTrack, order }) => [
            named(pid, tid, "thread_name", ofTrack),
            ...place(pid, tid, "thread_sort_index", order),
        ]),
    ]);
}

function* events(trace, put) {
    const tracks = ofCalls(trace.tracks);
    const all = tracks.reduce((sum, track) => sum + track.count, 0) || 1;
    const labels = [];
    let done = 0;
    for (const track of tracks) {
        const ids = `{"pid":${track.process.pid},"tid":${track.tid},`;
        const zero = zeroOf(trace, track.process);
        const head = `${ids}"ts":`;
        const threads = threadsOf(track);
        const isEvent = ({ what }) => what !== "lost" && what !== "gap";
        const thread = (time) => threads[Math.max(firstFrom(track, time + 1) - 1, 0)];
        const headAt = (time) => (threads?.length ? `${ids}"thread":${thread(time)},"ts":` : head);
        extras(trace, track).filter(isEvent).forEach((entry) => extra(entry, headAt(entry.time), put, zero));
        for (let call = 0; call < track.count; call += 1) {
            const of = track.function[call];
            labels[of] ??= `${JSON.stringify(trace.functions.label(of))},"cat":${categoryOf(trace.functions, of)}`;
            const event = callEvent(track, call, labels[of], zero);
            put(threads === null ? head + event : `${head}${event.slice(0, -1)},"thread":${threads[call]}}`);
            if (call % RUN === 0) {
                yield (done + call) / all;
            }
        }
        eachLife(track, trace.functions, (life, at) => {
            const [begin, end] = lifeMembers(track, life, at);
            put(`${headAt(life.start)}${microseconds(life.start + zero)},${JSON.stringify(begin).slice(1)}`);
            put(`${headAt(life.start)}${microseconds(life.end + zero)},${JSON.stringify(end).slice(1)}`);
        });
        done += track.count;
    }
}

/** Returns the ids of the threads on which a task's calls ran. */
function threadsOf({ kind, parts, count }) {
    if (kind !== "task" || parts === undefined) {
        return null;
    }
    const threads = new Float64Array(count);
    for (const { thread, calls } of parts) {
        for (const call of calls ?? threads.keys()) {
            threads[call] = thread.tid;
        }
    }
    return threads;
}

/** Returns the category of a function's calls as JSON; that of functions of Python and C is as in VizTracer. */
function categoryOf({ categories }, of) {
    return JSON.stringify(categories?.get(of) ?? "FEE");
}

function callEvent(track, call, name, zero) {
    const flags = track.flags[call];
    const isOpen = (flags & (UNFINISHED | CLIPPED)) === UNFINISHED;
    const isBegin = isOpen && ["sealed", "unknown"].includes(track.process.state);
    const time = microseconds(track.start[call] + zero);
    const kind = `,"ph":"${isBegin ? "B" : "X"}","dur":${microseconds(track.duration[call])}`;
    const own = track.args.get(call);
    if (flags === 0 && own === undefined) {
        return `${time}${kind},"name":${name}}`;
    }
    if (flags === YIELDED && own === undefined) {
        return `${time}${kind},"name":${name},"yield":true}`;
    }
    const args = { ...parsed(own), ...marks(flags) };
    return `${time}${kind},"name":${name},"args":${JSON.stringify(args)}}`;
}

/** Returns the metadata as original text, since JavaScript cannot represent all of its numbers. */
export function metadataText({ metadata, metadataText: text }) {
    return text ?? JSON.stringify(metadata);
}

/** Returns a call's flags as arguments. @param {number} flags */
export function marks(flags) {
    const words = {
        unfinished: UNFINISHED, raised: RAISED, abandoned: ABANDONED, clipped: CLIPPED, inherited: INHERITED,
    };
    return Object.fromEntries(Object.entries(words).flatMap(([word, flag]) => (flags & flag ? [[word, true]] : [])));
}

function extra({ time, what, of }, head, put, zero) {
    const event = (members) => put(`${head}${microseconds(time + zero)},${JSON.stringify(members).slice(1)}`);
    if (what === "flow") {
        const end = of.phase === "f" ? { bp: "e" } : {};
        // A merge of this file draws the arrows to child processes again.
        event({ ph: of.phase, id: of.id, name: of.name, cat: of.isStart ? "PROCESS_START" : "flow", ...end });
    } else if (what === "span") {
        const { phase, cat, shown, name, args } = of;
        event({ ph: phase, id: shown, name, cat, ...(args && { args }) });
    } else {
        const args = of.args === null ? null : parsed(of.args);
        event({ ph: "i", s: of.scope ?? "t", name: of.name, cat: of.kind.toUpperCase(), args });
    }
}

/** The series of a counter is the last word of its name. */
function counters(trace) {
    return trace.counters.flatMap(({ process, name, times, values }) => {
        const zero = zeroOf(trace, process);
        const at = name.lastIndexOf(" ");
        const [shown, series] = at < 0 ? [name, "value"] : [name.slice(0, at), name.slice(at + 1)];
        const head = `{"pid":${process.pid},"tid":${process.pid},"ts":`;
        const body = `,"ph":"C","name":${JSON.stringify(shown)},"args":{${JSON.stringify(series)}:`;
        const value = (i) => JSON.stringify(values[i]);
        return Array.from(times, (time, i) => `${head}${microseconds(time + zero)}${body}${value(i)}}}`);
    });
}

/** Returns the source files, and the location of each function. */
function fileInfo({ sources, functions }) {
    if (sources.size === 0) {
        return "";
    }
    const files = Object.fromEntries(
        Array.from(sources, ([path, text]) => [path, [text, text.split("\n").length - 1]]),
    );
    const locations = {};
    for (let of = 0; of < functions.count; of += 1) {
        if (sources.has(functions.file(of))) {
            locations[functions.label(of)] = [functions.file(of), functions.line(of)];
        }
    }
    return `,\n"file_info":${JSON.stringify({ files, functions: locations })}`;
}

/** Formats nanoseconds as microseconds with three decimals, exactly. @param {number} nanoseconds */
export function microseconds(nanoseconds) {
    const whole = Math.floor(nanoseconds);
    const below = whole % 1000;
    return `${(whole - below) / 1000}.${below < 100 ? (below < 10 ? "00" : "0") : ""}${below}`;
}
