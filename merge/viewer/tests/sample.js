// Traces for tests and for trying things out: made in memory, of any size, always the same.

import { Functions, RAISED, UNFINISHED } from "../data/model.js";
import { unknownTime } from "../data/overwritten.js";

/** Numbers that look random and are not. @param {number} seed */
export function numbers(seed) {
    let state = seed >>> 0 || 1;
    return () => {
        state ^= state << 13;
        state ^= state >>> 17;
        state ^= state << 5;
        state >>>= 0;
        return state / 2 ** 32;
    };
}

const HOSTILE = ["</script><script>throw 1</script>", "<!-- f -->", "\u202egnp.exe", "😀", "a\"b'c\\d"];

/** Functions in a few files, and some of C. @param {number} count */
function functions(count) {
    const names = [];
    const fileOf = [];
    const lines = [];
    for (let i = 0; i < count; i += 1) {
        names.push(HOSTILE[i] ?? (i % 5 === 4 ? `builtins.c_${i}` : `module_${i % 7}.Class.method_${i}`));
        fileOf.push(i % 5 === 4 ? -1 : i % 7);
        lines.push(i % 5 === 4 ? 0 : 1 + (i * 13) % 200);
    }
    const files = Array.from({ length: 7 }, (_, i) => `/home/user/project/module_${i}.py`);
    return new Functions(names, files, Int32Array.from(fileOf), Uint32Array.from(lines));
}

/**
 * Fills a track with calls like those of a program: nested, short ones much more often than long ones. If the process
 * died, the last ones have no end.
 */
function fill(track, count, functionCount, seed) {
    const random = numbers(seed);
    const open = [];
    let now = Math.floor(random() * 1e6);
    let made = 0;
    const end = () => {
        const call = open.pop();
        track.duration[call] = now - track.start[call];
    };
    while (made < count) {
        now += 20 + Math.floor(random() ** 8 * 20000);
        const begins = open.length === 0 || (open.length < 30 && random() < 0.52);
        if (!begins) {
            end();
            continue;
        }
        track.start[made] = now;
        track.function[made] = Math.floor(random() ** 3 * functionCount);
        track.depth[made] = open.length;
        track.parent[made] = open.at(-1) ?? -1;
        track.flags[made] = random() < 0.001 ? RAISED : 0;
        track.maxDepth = Math.max(track.maxDepth, open.length);
        open.push(made);
        made += 1;
    }
    const died = track.process.state === "crashed";
    track.unfinished = died ? open.length : 0;
    now += 1;
    while (open.length > 0) {
        now += died ? 0 : 50;
        track.flags[open.at(-1)] |= died ? UNFINISHED : 0;
        end();
    }
    return now;
}

/**
 * A trace of so many calls, spread over tracks of up to two processes. The last track is a task's, if there are more
 * than two; the first process has died.
 * @param {{calls?: number, tracks?: number, functions?: number, seed?: number}} options
 * @returns {import("../data/model.js").Trace}
 */
export function sample({ calls = 1000, tracks = 4, functions: functionCount = 40, seed = 1 } = {}) {
    const table = functions(functionCount);
    const processes = [
        {
            index: 0, pid: 4711, name: "MainProcess", state: "crashed", ending: "ended by SIGTERM",
            isAbnormal: true, tellsItsEnd: true, losses: [], tracks: [],
        },
        {
            index: 1, pid: 4712, name: "<b>worker</b>", state: "sealed", ending: "exited",
            isAbnormal: false, tellsItsEnd: true, losses: [], tracks: [],
        },
    ].slice(0, Math.min(2, tracks)).map((process) => ({
        ...process, label: process.name, isEndingKnown: true, waitedAfter: null,
        parent: null, children: [], birth: null,
    }));
    let duration = 0;
    const all = Array.from({ length: tracks }, (_, index) => {
        const process = processes[index % processes.length];
        const kind = index === tracks - 1 && tracks > 2 ? "task" : "thread";
        const count = Math.floor(calls / tracks) + (index < calls % tracks ? 1 : 0);
        const track = {
            index, process, kind, count,
            name: kind === "task" ? "Task-1" : index < 2 ? "MainThread" : `Thread-${index}`,
            tid: kind === "task" ? 2 ** 24 + 1 : 5000 + index,
            start: new Float64Array(count),
            duration: new Float64Array(count),
            function: new Uint32Array(count),
            depth: new Uint16Array(count),
            parent: new Int32Array(count),
            flags: new Uint8Array(count),
            maxDepth: -1, instants: [], events: [], args: new Map(), overwritten: 0, lost: 0, gap: null, unfinished: 0,
            unknown: [unknownTime([], -1, 0)],
        };
        if (kind === "task") {
            track.parts = [{ thread: process.tracks[0], calls: null, unknown: track.unknown[0] }];
        }
        process.tracks.push(track);
        duration = Math.max(duration, fill(track, count, functionCount, seed * 1000 + index + 1));
        return track;
    });
    const [first] = all;
    const flows = [];
    const lastWords = [];
    if (first.count > 1) {
        first.args.set(1, JSON.stringify({ func_args: { x: "</script>", n: 3 }, return_value: "None" }));
        const time = Math.floor(duration / 4);
        first.instants.push({ time, kind: "instant", name: "</script>here", args: "{\"a\":1}" });
        const [start, end] = [first.start[0], first.start[0] + 1000];
        first.gap = { start, end, events: 12345, since: start, until: end };
        first.overwritten = 12345;
        first.lost = 3;
        const threads = processes[0].tracks.filter((track) => track.unfinished > 0).map((track) => {
            const open = [...track.flags.keys()].filter((call) => (track.flags[call] & UNFINISHED) !== 0);
            const frames = open.map((call) => ({ function: track.function[call], since: track.start[call], call }));
            return { track, name: track.name, frames };
        });
        lastWords.push({ process: processes[0], threads });
    }
    if (all.length > 1 && all[1].count > 0) {
        const [fromTime, toTime] = [all[1].start[0] / 2, all[1].start[0]];
        flows.push({ fromTrack: first, fromTime, toTrack: all[1], toTime, name: "start" });
    }
    const times = Float64Array.from({ length: 20 }, (_, i) => (duration * i) / 20);
    const values = times.map((_, i) => Math.abs(i - 10) * 1.5);
    return {
        title: "sample", version: "0", duration, baseRealtime: 1_700_000_000_000_000_000n,
        fileRealtime: 1_700_000_000_000_000_000n, starts: null, areTogether: false, opening: null,
        warnings: [], functions: table, processes, tracks: all,
        counters: [{ process: processes[0], name: "memory rss", times, values }],
        flows, lastWords, metadata: {},
        sources: new Map([["/home/user/project/module_0.py", "def f():\n    return '</script>'\n"]]),
    };
}
