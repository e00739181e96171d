// Decodes blocks into the model. ../README.md describes the format.
//
// All data is checked. `problems` describes invalid data; the rest is kept.

import { comparisonOf } from "./comparison.js";
import { burstsByProcess, elidedByProcess } from "./elided.js";
import { settleFamily } from "./family.js";
import { pairs, starts } from "./flows.js";
import { list, number, string } from "./header.js";
import { readLives } from "./lives.js";
import { Functions, UNFINISHED, ofCalls } from "./model.js";
import { ProcessData } from "./processes.js";
import { moved, openingOf, startsOf } from "./starts.js";
import { section } from "./streams.js";
import { Malformed, Varints } from "./varints.js";

/** The version of the page's data that this code reads. */
export const FORMAT = 1;

/** Builds a trace from a page's header and blocks. */
export class Decoder {
    /** @param {unknown} header @param {boolean} together  whether all runs begin together, if the header tells how */
    constructor(header, together = false) {
        /** Sentences about data that could not be read. @type {string[]} */
        this.problems = [];
        this.header = header !== null && typeof header === "object" ? header : {};
        if (this.header.format !== FORMAT) {
            this.problems.push(`The report's data is of version ${this.header.format}; its viewer knows ${FORMAT}.`);
        }
        const { names, paths, files, lines } = this.header;
        const indices = list(files).map((index) => (Number.isInteger(index) ? index : -1));
        const [strings, numbers] = [(of) => list(of).map(string), (of) => list(of).map(number)];
        this.functions = new Functions(strings(names), strings(paths), indices, numbers(lines));
        this.functions.waits = new Set(list(this.header.waits).filter(Number.isInteger));
        /** What the runs are moved by. @type {import("./starts.js").Starts|null} */
        this.starts = startsOf(this.header.starts);
        this.areTogether = together && this.starts !== null;
        const shift = (index) => (this.areTogether ? this.starts.shifts[index] ?? 0 : 0);
        const processes = list(this.header.processes).map((of, index) => moved(of ?? {}, shift(index)));
        for (const [of, category] of list(this.header.categories).filter(Array.isArray)) {
            this.functions.categories.set(number(of), string(category));
        }
        this.processes = processes.map((of, index) => new ProcessData(of, index, shift(index)));
        if (this.processes.some(({ of }) => list(of.overwritten).length > 0)) {
            this.functions.addOverwritten();
        }
        this.sources = new Map();
    }

    /** The number of calls by the header. */
    get calls() {
        return this.processes.reduce((sum, process) => sum + process.calls, 0);
    }

    /**
     * Adds a block of a process. The blocks of a process must come in order.
     * @param {number} index  index of the process
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

    /**
     * Adds lives of tasks and coroutines of a process.
     * @param {number} index  index of the process
     * @param {Uint8Array} bytes
     */
    addLives(index, bytes) {
        const input = new Varints(bytes, 0, bytes.length);
        try {
            readLives(input, list(this.header.names).length, (task, life) => this.processes[index]?.life(task, life));
        } catch (error) {
            this.damaged(index, error);
        }
    }

    /**
     * Reports a block that cannot be read.
     * @param {number} index  index of the process
     * @param {unknown} error
     */
    damaged(index, error) {
        const process = this.processes[index] ?? { name: "a process", pid: "?" };
        const { name, pid } = process;
        process.isDamaged = true;
        const reason = error instanceof Error ? error.message : String(error);
        this.problems.push(`A part of ${name} (pid ${pid}) cannot be read and is missing: ${reason}.`);
    }

    /** Adds a source file: ["/x/a.py", [text, lines]]. @param {string} json */
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
            functions[i] = known < list(this.header.names).length ? known : 0;
        }
        while (!input.isOver) {
            const [thread, task, open, first] = [input.next(), input.next(), input.next(), input.next()];
            if (open > 2 ** 24) {
                throw new Malformed("too many calls are open in it");
            }
            const lengths = [input.next(), input.next(), input.next(), input.next(), input.next()];
            const columns = lengths.map((length) => input.column(length));
            try {
                const begin = Math.max(0, first + process.moved);
                section(process, process.stream(thread, task), functions, open, begin, columns);
            } catch (error) {
                this.damaged(process.index, error);
            }
        }
    }

    /** Reports missing data that was not reported yet. */
    #count() {
        for (const process of this.processes.filter((of) => !of.isDamaged)) {
            const found = [...process.streams.values()].reduce((sum, stream) => sum + stream.count, 0);
            if (found < process.calls) {
                const { name, pid, calls } = process;
                this.problems.push(`${calls - found} of ${calls} calls of ${name} (pid ${pid}) are missing.`);
            }
        }
    }

    /**
     * The times of a JSON trace may count from the start of the machine. If more than half of the time would be
     * empty, the first event moves to zero.
     */
    #zero() {
        const all = this.processes;
        const first = all.reduce((least, process) => Math.min(least, process.earliest), Infinity);
        const streams = all.flatMap((process) => [...process.streams.values()]);
        const last = streams.reduce((most, { now }) => Math.max(most, now), 0);
        if (!all.every(({ isImported }) => isImported) || !(first > last / 2) || !Number.isFinite(first)) {
            return 0;
        }
        all.forEach((process) => process.shift(first));
        return first;
    }

    /** Returns the trace. @returns {import("./model.js").Trace} */
    finish() {
        const { header, functions, sources } = this;
        this.#count();
        const zero = this.#zero();
        const processes = this.processes.map((process) => process.finish(this.functions.overwritten, zero));
        const duration = this.processes.reduce((latest, process) => Math.max(latest, process.latest), 0);
        const arrows = pairs(this.processes, !header.served);
        const flows = [...starts(this.processes, processes, functions), ...arrows];
        settleFamily(processes, this.processes.map(({ of }) => of), flows, functions);
        this.processes.forEach((process, index) => {
            const of = processes[index];
            of.tracks = of.tracks.concat(process.spans(of, duration, functions));
        });
        const tracks = processes.flatMap((process) => process.tracks);
        tracks.forEach((track, index) => {
            track.index = index;
        });
        const counters = this.processes.flatMap((process, index) => process.counters(processes[index]));
        const dead = processes.filter(({ state }) => state !== "sealed" && state !== "unknown");
        dead.sort((one, other) => other.isAbnormal - one.isAbnormal);
        const lastWords = dead.map((of) => words(of, this.processes[of.index]));
        const metadata = parsed(header.metadata);
        const [elided, bursts] = [elidedByProcess(metadata, functions, zero), burstsByProcess(metadata)];
        processes.forEach((process, index) => {
            const since = (of) => of.since + process.moved;
            process.elided = (elided[index] ?? []).map((of) => ({ ...of, since: since(of) }));
            process.inBursts = bursts[index] ?? false;
        });
        const realtime = realtimeOf(this.areTogether ? this.starts.baseRealtime : header.baseRealtime);
        const baseRealtime = realtime === null ? null : realtime + BigInt(zero);
        return {
            title: titleOf(string(header.title), processes), version: string(header.version),
            duration, zero, baseRealtime, fileRealtime: realtimeOf(header.baseRealtime),
            starts: this.starts, areTogether: this.areTogether,
            opening: this.areTogether ? null : openingOf(header.selectedTime, this.starts, processes, duration),
            warnings: list(header.warnings).map(string), functions, processes, tracks, counters, flows, sources,
            lastWords: lastWords.filter((of) => of.threads.length > 0),
            served: servedOf(header),
            comparison: comparisonOf(header.comparison ?? null, processes.length),
            metadata, metadataText: string(header.metadata) || "{}",
        };
    }
}

/** Returns what the page needs to ask its server for more, or null if nobody adds to it. */
function servedOf(header) {
    const { id, shortest, calls, whole } = header.served ?? {};
    const numbers = { shortest: number(shortest), calls: number(calls), whole: number(whole) };
    return typeof id === "string" ? { id, ...numbers, header } : null;
}

/** Returns nanoseconds since 1970, or null. @returns {bigint|null} */
function realtimeOf(text) {
    return /^\d{1,20}$/.test(text) ? BigInt(text) : null;
}

/** Returns the title, in which the first process goes by its label. */
function titleOf(title, [first]) {
    const name = first ? `${first.name} (pid ` : "";
    return name !== "" && title.startsWith(name) ? `${first.label} (pid ${title.slice(name.length)}` : title;
}

/** Parses the metadata. */
function parsed(text) {
    try {
        return JSON.parse(string(text)) ?? {};
    } catch {
        return {};
    }
}

/**
 * Returns what the threads of a process were doing, if the process did not end in order.
 * @param {ProcessData} read
 */
function words(process, read) {
    const threads = [];
    const isAlive = (track, index) => index < list(read.of.threads).length && !read.of.threads[index]?.ended;
    const affected = ofCalls(process.tracks).filter((of, i) => of.unfinished > 0 || (of.count > 0 && isAlive(of, i)));
    for (const track of affected) {
        const frames = [];
        for (let call = 0; call < track.count; call += 1) {
            if ((track.flags[call] & UNFINISHED) !== 0) {
                frames.push({ function: track.function[call], since: track.start[call], call });
            }
        }
        threads.push({ track, name: track.name, frames });
    }
    return { process, end: read.latest, threads };
}
