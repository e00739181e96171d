// A part of a trace for exports: what lies in a range, on some tracks.

import assert from "node:assert/strict";
import test from "node:test";
import { CLIPPED, endOf } from "../data/model.js";
import { clip, cutTrace } from "../export/cut.js";
import { folded } from "../export/folded.js";
import { chromeJson } from "../export/json.js";
import { perfettoTrace } from "../export/pftrace.js";
import { printable } from "../export/printable.js";
import { withTasks } from "../statistics/range.js";
import { atOnce } from "../statistics/slices.js";
import { statistics } from "../statistics/statistics.js";
import { drawn, randomTrace, tasksTrace } from "./drawn.js";
import { sample } from "./sample.js";

const whole = { from: -Infinity, to: Infinity };

/** A trace with functions, and with all that exports need. */
const complete = (trace) => ({ flows: [], counters: [], lastWords: [], ...trace });

test("a call lies in a range as with --since and --until", () => {
    const range = { from: 10, to: 20 };
    const calls = [[0, 10], [0, 11], [10, 10], [12, 13], [19, 30], [20, 20], [20, 30], [0, 30], [9, 9]];
    const parts = [null, [10, 11], [10, 10], [12, 13], [19, 20], null, null, [10, 20], null];
    assert.deepEqual(calls.map(([start, end]) => clip(start, end, range)), parts);
});

test("calls that cross an edge are clipped and marked", () => {
    const trace = complete(drawn(["ffffff gg ", " hh ii    "]));
    const { tracks: [track] } = atOnce(cutTrace(trace, { from: 2, to: 8, tracks: trace.tracks }));
    const numbersOf = (start, call) => [start, endOf(track, call), track.flags[call], track.depth[call]];
    const calls = Array.from(track.start, numbersOf);
    assert.deepEqual(calls, [[2, 6, CLIPPED, 0], [2, 3, CLIPPED, 1], [4, 6, 0, 1], [7, 8, CLIPPED, 0]]);
    assert.deepEqual([...track.parent], [-1, 0, 0, -1]);
});

test("numbers of the part are those of the range, for all sorts of traces", () => {
    for (let seed = 1; seed < 80; seed += 1) {
        const trace = complete(seed % 2 ? randomTrace(seed) : tasksTrace(seed));
        const end = Math.max(...trace.tracks.flatMap((track) => Array.from(track.start, (_, i) => endOf(track, i))), 1);
        const [from, to] = [Math.floor(end / 4), Math.ceil(end * 0.7)];
        const choices = [trace.tracks, ...trace.tracks.map((track) => withTasks(track))];
        for (const tracks of choices) {
            const part = atOnce(cutTrace(trace, { from, to, tracks }));
            part.tracks.forEach((track, index) => assert.equal(track.index, index));
            const rows = (of, range) => atOnce(statistics(of, range)).map(({ idle, ...row }) => row);
            const expected = rows(trace, { from, to, tracks });
            assert.deepEqual(rows(part, { ...whole, tracks: part.tracks }), expected);
        }
    }
});

test("a part has only what lies in it, and connects it anew", () => {
    const trace = sample({ calls: 2000 });
    const { duration } = trace;
    const [from, to] = [Math.floor(duration / 5), Math.floor(duration / 2)];
    const tracks = trace.processes[0].tracks;
    const part = atOnce(cutTrace(trace, { from, to, tracks }));
    const isIn = (time) => time >= from && time < to;
    assert.deepEqual(part.processes.map(({ pid }) => pid), [4711]);
    assert.ok(part.tracks.every(({ process }) => process === part.processes[0]));
    assert.deepEqual(part.tracks[0].instants, tracks[0].instants.filter(({ time }) => isIn(time)));
    assert.equal(part.tracks[0].instants.length, 1);
    assert.equal(part.tracks[0].gap, null);
    assert.deepEqual([...part.counters[0].times], [...trace.counters[0].times].filter(isIn));
    assert.equal(part.counters[0].times.length, part.counters[0].values.length);
    assert.deepEqual(part.flows, []);
    const all = atOnce(cutTrace(trace, { ...whole, tracks: trace.tracks }));
    assert.equal(all.flows[0].toTrack, all.tracks[1]);
    assert.deepEqual([...all.tracks[0].args], [...trace.tracks[0].args]);
});

test("exports of all that there is are those of the trace", async () => {
    const trace = { ...sample({ calls: 500 }), zero: 7 };
    const all = atOnce(cutTrace(trace, { ...whole, tracks: trace.tracks }));
    const text = (of) => new Blob(atOnce(chromeJson(of))).text();
    assert.equal(await text(all), await text(trace));
    const bytes = async (of) => Buffer.from(await new Blob(atOnce(perfettoTrace(of)).pieces).arrayBuffer());
    assert.ok((await bytes(all)).equals(await bytes(trace)));
});

test("a call without an end that is clipped is no open call", async () => {
    const trace = complete(drawn(["ffff"]));
    trace.tracks[0].flags[0] = 1;
    const part = atOnce(cutTrace(trace, { from: 1, to: 3, tracks: trace.tracks }));
    const { traceEvents } = JSON.parse(await new Blob(atOnce(chromeJson(part))).text());
    const { ph, ts, dur, args } = traceEvents.find(({ cat }) => cat === "FEE");
    assert.deepEqual([ph, ts, dur, args], ["X", 0.001, 0.002, { unfinished: true, clipped: true }]);
});

test("stacks are lines by thread", () => {
    const trace = drawn(["ffffff gg ", " hh ii    "]);
    Object.assign(trace.functions, { names: ["f;x", "h\n", "i", "g"], fileOf: [] });
    const [track] = trace.tracks;
    track.process.name = "main";
    const stem = `main (${track.process.pid});${track.name} (${track.tid})`;
    assert.equal(
        atOnce(folded(trace.functions, { from: 2, to: 9, tracks: trace.tracks })),
        ["f_x 1", "f_x;h\\n 1", "f_x;i 2", "g 2"].map((line) => `${stem};${line}\n`).join(""),
    );
});

test("stacks that are too deep for a line end with what lies below", () => {
    const depth = 2100;
    const trace = drawn(Array.from({ length: depth }, () => "f"));
    const [line] = atOnce(folded(trace.functions, { ...whole, tracks: trace.tracks })).trim().split("\n");
    const frames = line.split(";");
    assert.equal(frames.length, 2 + 2048 + 1);
    assert.equal(frames.at(-1), "[deeper] 1");
});

test("own times of tasks stand on their threads", () => {
    for (let seed = 1; seed < 30; seed += 1) {
        const trace = tasksTrace(seed);
        const sum = (text) => text.trim().split("\n").reduce((so, line) => so + Number(line.split(" ").at(-1)), 0);
        const all = sum(atOnce(folded(trace.functions, { ...whole, tracks: trace.tracks })));
        const rows = atOnce(statistics(trace, { ...whole, tracks: trace.tracks }));
        assert.equal(all, rows.reduce((so, { own }) => so + own, 0));
    }
});

test("characters that act are escaped", () => {
    assert.equal(printable("a\n\t\x1b\u202eb\u{e0001}é😀\u200d"), "a\\n\\t\\x1b\\u202eb\\U000e0001é😀\u200d");
});
