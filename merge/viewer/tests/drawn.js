// Small traces: drawn by hand, or random.

import { Functions } from "../data/model.js";
import { numbers } from "./sample.js";

/** A trace out of tracks that hold `[start, end, function, depth, parent, flags]` by call. */
function traceOf(tracks, functionCount) {
    const names = Array.from({ length: functionCount }, (_, i) => `f${i}`);
    const functions = new Functions(
        names,
        ["/x/a.py"],
        names.map((_, i) => (i % 3 === 2 ? -1 : 0)),
        names.map((_, i) => i + 1),
    );
    const process = { index: 0, pid: 7, name: "main", label: "main", state: "sealed", ending: "", losses: [], tracks: [] };
    let duration = 0;
    for (const [index, calls] of tracks.entries()) {
        const column = (at, Type) => Type.from(calls, (call) => call[at]);
        process.tracks.push({
            index,
            process,
            kind: "thread",
            name: `thread ${index}`,
            tid: 70 + index,
            count: calls.length,
            start: column(0, Float64Array),
            duration: Float64Array.from(calls, ([start, end]) => end - start),
            function: column(2, Uint32Array),
            depth: column(3, Uint16Array),
            parent: column(4, Int32Array),
            flags: column(5, Uint8Array),
            maxDepth: Math.max(-1, ...calls.map((call) => call[3])),
            instants: [],
            events: [],
            args: new Map(),
            overwritten: 0,
            lost: 0,
            gap: null,
            unfinished: 0,
        });
        duration = Math.max(duration, ...calls.map(([, end]) => end));
    }
    return {
        title: "drawn",
        version: "0",
        duration,
        baseRealtime: null, fileRealtime: null, starts: null, areTogether: false, opening: null,
        warnings: [],
        functions,
        processes: [process],
        tracks: process.tracks,
        counters: [],
        flows: [],
        lastWords: [],
        metadata: { version: "0" },
        sources: new Map(),
    };
}

/** One track; a line for each depth, a letter for each nanosecond. Functions are numbered as they first begin. */
export function drawn(lines) {
    const calls = [];
    const known = [];
    for (const [depth, line] of lines.entries()) {
        for (const { 0: text, index } of line.matchAll(/(\S)\1*/g)) {
            calls.push([index, index + text.length, text[0], depth, -1, 0]);
        }
    }
    calls.sort((a, b) => a[0] - b[0] || a[3] - b[3]);
    for (const [at, call] of calls.entries()) {
        if (!known.includes(call[2])) {
            known.push(call[2]);
        }
        call[2] = known.indexOf(call[2]);
        call[4] = calls.slice(0, at).findLastIndex((other) => other[3] === call[3] - 1 && other[1] >= call[1]);
    }
    return traceOf([calls], known.length);
}

/**
 * Two threads and three tasks, of which the last one runs on both; no two things happen at once. `around` tells of a
 * call what else was open on its thread, innermost first.
 */
export function tasksTrace(seed) {
    const random = numbers(seed * 104729);
    const below = (end) => Math.floor(random() * end);
    const tracks = [[], [], [], [], []];
    const owners = tracks.map(() => []);
    const around = tracks.map(() => []);
    for (const thread of [0, 1]) {
        const open = [];
        let now = thread === 0 ? 1 : 1 + Math.max(0, ...tracks.flat().map((call) => call[1]));
        const end = () => {
            const { index, call } = open.pop();
            tracks[index][call][1] = now;
        };
        for (let made = 20 + below(40); made > 0 || open.length > 0; now += 1 + below(3)) {
            if (made > 0 && random() < 0.55) {
                const may = [thread, 2 + thread, 4];
                const index = random() < 0.3 ? may[below(3)] : (open.at(-1)?.index ?? thread);
                const own = open.filter((of) => of.index === index);
                const call = tracks[index].length;
                tracks[index].push([now, 0, below(4), own.length, own.at(-1)?.call ?? -1, 0]);
                owners[index].push(thread);
                around[index].push([...open].reverse());
                open.push({ index, call });
                made -= 1;
            } else if (open.length > 0) {
                end();
            }
        }
    }
    const trace = traceOf(tracks, 4);
    for (const task of trace.tracks.slice(2)) {
        const own = owners[task.index];
        const parts = trace.tracks.slice(0, 2).map((thread) => {
            const calls = Int32Array.from(own.keys()).filter((call) => own[call] === thread.index);
            return { thread, calls: calls.length === own.length ? null : calls };
        });
        Object.assign(task, { kind: "task", parts: parts.filter(({ calls }) => calls?.length !== 0) });
    }
    return { ...trace, around: (track, call) => around[track.index][call] };
}

/** Up to three tracks with up to 40 calls of few functions: much recursion, many equal times. */
export function randomTrace(seed) {
    const random = numbers(seed * 7919);
    const below = (end) => Math.floor(random() * end);
    const functionCount = 1 + below(5);
    const tracks = Array.from({ length: 1 + below(3) }, () => {
        const calls = [];
        const open = [];
        let now = below(5);
        const end = () => (calls[open.pop()][1] = now);
        for (let made = below(40); made > 0; now += below(3)) {
            if (random() < 0.5) {
                calls.push([now, 0, below(functionCount), open.length, open.at(-1) ?? -1, (2 ** below(16)) & 15]);
                open.push(calls.length - 1);
                made -= 1;
            } else if (open.length > 0) {
                end();
            }
        }
        while (open.length > 0) {
            now += below(3);
            end();
        }
        return calls;
    });
    return traceOf(tracks, functionCount);
}
