// Blocks as the program writes them, for tests: merge/src/report/write/html/block.rs in short.

/** @param {number[]} into @param {number} value */
export function varint(into, value) {
    while (value >= 128) {
        into.push((value % 128) + 128);
        value = Math.floor(value / 128);
    }
    into.push(value);
}

const bytes = (...values) => values.reduce((into, value) => (varint(into, value), into), []);
const utf8 = new TextEncoder();

/**
 * Returns the events of a track between two indices, and the number of calls that are open before them.
 * @param {import("../data/model.js").Track} track
 */
export function steps(track) {
    const all = [];
    const open = [];
    const endsBefore = (start) => open.length > 0 && track.start[open.at(-1)] + track.duration[open.at(-1)] <= start;
    const end = () => {
        const call = open.pop();
        all.push({ kind: "end", call, time: track.start[call] + track.duration[call], open: open.length + 1 });
    };
    const until = (time, depth) => {
        while (endsBefore(time) && open.length > depth) {
            end();
        }
    };
    const instants = [...track.instants];
    for (let call = 0; call < track.count; call += 1) {
        const time = track.start[call];
        while (instants.length > 0 && instants[0].time <= time) {
            const instant = instants.shift();
            until(instant.time, 0);
            all.push({ kind: "instant", instant, time: instant.time, open: open.length });
        }
        until(time, track.depth[call]);
        all.push({ kind: "begin", call, time, open: open.length });
        open.push(call);
    }
    while (open.length > 0) {
        end();
    }
    return all;
}

/** One section of a block. @param {import("../data/model.js").Track} track */
function section(track, thread, task, some, small) {
    const [what, begins, ends, flags, extras] = [[], [], [], [], []];
    let [now, index, lastFlag, lastExtra] = [some[0].time, 0, 0, 0];
    const since = (time) => {
        const passed = time - now;
        now = time;
        return passed;
    };
    const extra = (json) => {
        const text = utf8.encode(json);
        extras.push(...bytes(index - lastExtra, text.length), ...text);
        lastExtra = index;
    };
    for (let i = 0; i < some.length; i += 1, index += 1) {
        const { kind, call, instant, time } = some[i];
        if (kind === "instant") {
            varint(what, 1);
            varint(begins, since(time));
            const args = instant.args === null ? null : JSON.parse(instant.args);
            extra(JSON.stringify({ kind: instant.kind, name: instant.name, args }));
            continue;
        }
        const isLeaf = kind === "begin" && some[i + 1]?.kind === "end" && some[i + 1].call === call;
        if (kind === "begin") {
            varint(what, 2 + 2 * small(track.function[call]) + (isLeaf ? 1 : 0));
            varint(begins, since(time));
        } else {
            varint(what, 0);
        }
        if (isLeaf || kind === "end") {
            i += isLeaf ? 1 : 0;
            varint(ends, since(some[i].time));
            if (track.flags[call] !== 0) {
                flags.push(...bytes(index - lastFlag, track.flags[call]));
                lastFlag = index;
            }
            if (track.args.has(call)) {
                extra(track.args.get(call));
            }
        }
    }
    const columns = [what, begins, ends, flags, extras];
    const head = bytes(thread, task, some[0].open, some[0].time, ...columns.map((column) => column.length));
    return [...head, ...columns.flat()];
}

/**
 * A trace's header and blocks, so many steps of each track in a block.
 * @param {import("../data/model.js").Trace} trace
 */
export function encoded(trace, stepsPerBlock) {
    const { functions } = trace;
    const blocks = [];
    const processes = trace.processes.map((process) => {
        const streams = process.tracks.map((track, index) =>
            track.kind === "task" ? [track, 0, track.tid - 2 ** 24] : [track, index, 0]);
        const runs = streams.map(([track]) => steps(track));
        for (let at = 0; runs.some((run) => at < run.length); at += stepsPerBlock) {
            const dictionary = [];
            const small = (number) => {
                if (!dictionary.includes(number)) {
                    dictionary.push(number);
                }
                return dictionary.indexOf(number);
            };
            const sections = streams.map(([track, thread, task], i) => {
                const some = runs[i].slice(at, at + stepsPerBlock);
                return some.length === 0 ? [] : section(track, thread, task, some, small);
            });
            const block = [...bytes(dictionary.length, ...dictionary), ...sections.flat()];
            blocks.push([process.index, Uint8Array.from(block)]);
        }
        const threads = process.tracks.filter((track) => track.kind === "thread").map((track) => {
            const { tid, name, overwritten, lost, gap } = track;
            const times = gap && [gap.start, gap.end, gap.events, gap.since, gap.until];
            return { tid, name, overwritten, lost, gap: times };
        });
        const ofTasks = streams.filter(([, , task]) => task !== 0);
        const tasks = Object.fromEntries(ofTasks.map(([track, , task]) => [task, track.name]));
        const calls = streams.map(([track, thread, task]) => [thread, task, track.count]);
        const { pid, name, state, losses } = process;
        return { pid, name, state, losses, opened: 0, parent: null, threads, tasks, calls };
    });
    const header = {
        format: 1, version: trace.version, title: trace.title, baseRealtime: String(trace.baseRealtime),
        warnings: trace.warnings, metadata: trace.metadata, names: functions.names, paths: functions.files,
        files: [...functions.fileOf].map((index) => (index < 0 ? null : index)), lines: [...functions.lines], processes,
    };
    return { header: JSON.parse(JSON.stringify(header)), blocks };
}
