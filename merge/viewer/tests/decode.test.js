// Encoded data is decoded again, and damage is reported.

import assert from "node:assert/strict";
import test from "node:test";
import zlib from "node:zlib";
import { bytesOf, unzipped } from "../data/blocks.js";
import { Decoder } from "../data/decode.js";
import { CLIPPED } from "../data/model.js";
import { encoded } from "./encode.js";
import { numbers, sample } from "./sample.js";

const COLUMNS = ["start", "duration", "function", "depth", "parent", "flags"];

function decoded({ header, blocks }) {
    const decoder = new Decoder(header);
    blocks.forEach(([process, bytes]) => decoder.add(process, bytes));
    return { trace: decoder.finish(), problems: decoder.problems };
}

/** A small trace with all that a track can have. */
function small() {
    const trace = sample({ calls: 60, tracks: 3, functions: 9 });
    const [first] = trace.tracks;
    first.args.set(7, JSON.stringify({ x: "é</script>" }));
    first.flags[9] |= 2;
    first.flags[11] |= CLIPPED;
    first.instants.push({ time: first.start[19], kind: "object", name: "o", args: null });
    return trace;
}

/** What must hold of any track, whatever the bytes were. */
function check(track) {
    for (const name of COLUMNS) {
        assert.equal(track[name].length, track.count);
    }
    for (let call = 0; call < track.count; call += 1) {
        assert.ok(track.duration[call] >= 0 && Number.isFinite(track.start[call]));
        assert.ok(track.parent[call] < call && track.parent[call] >= -1);
        assert.ok(call === 0 || track.start[call] >= track.start[call - 1]);
        assert.ok(track.depth[call] <= track.maxDepth);
    }
}

test("what was encoded comes out again", () => {
    for (const [trace, stepsPerBlock] of [[small(), 7], [small(), 1], [sample({ calls: 20_000, tracks: 5 }), 1000]]) {
        const { trace: read, problems } = decoded(encoded(trace, stepsPerBlock));
        assert.deepEqual(problems, []);
        assert.equal(read.tracks.length, trace.tracks.length);
        // Those of a process come together.
        for (const track of trace.processes.flatMap((process) => process.tracks)) {
            const other = read.tracks.find((of) => of.tid === track.tid && of.process.pid === track.process.pid);
            const parts = (of) => of.parts?.map(({ thread, calls }) => [thread.tid, calls]);
            const plain = (of) => ({ ...of, process: of.process.name, index: 0, parts: parts(of) });
            assert.deepEqual(plain(other), plain(track));
        }
        assert.equal(read.baseRealtime, trace.baseRealtime);
        assert.equal(read.functions.label(0), trace.functions.label(0));
        const frames = ({ lastWords }) => lastWords.map((of) => of.threads.map((thread) => thread.frames));
        assert.deepEqual(frames(read), frames(trace));
    }
});

test("times are exact far above 32 bits", () => {
    const trace = sample({ calls: 3, tracks: 1 });
    const far = 2 ** 53 - 2 ** 40;
    trace.tracks[0].start[0] = far;
    trace.tracks[0].start.set([far, far + 2 ** 33 + 1, far + 2 ** 35 + 5]);
    trace.tracks[0].duration.set([2 ** 36, 3, 7]);
    trace.tracks[0].depth.set([0, 1, 1]);
    trace.tracks[0].parent.set([-1, 0, 0]);
    trace.tracks[0].instants = [];
    const { trace: read } = decoded(encoded(trace, 100));
    assert.deepEqual([...read.tracks[0].start], [far, far + 2 ** 33 + 1, far + 2 ** 35 + 5]);
    assert.deepEqual([...read.tracks[0].duration], [2 ** 36, 3, 7]);
});

test("a block that ends early, at any byte, is reported and the others are kept", () => {
    const { header, blocks } = encoded(small(), 20);
    for (let cut = 0; cut < blocks[1][1].length; cut += 1) {
        const damaged = blocks.map(([process, bytes], i) => [process, i === 1 ? bytes.subarray(0, cut) : bytes]);
        const { trace, problems } = decoded({ header, blocks: damaged });
        assert.ok(problems.length > 0);
        trace.tracks.forEach(check);
        assert.ok(trace.tracks.some((track) => track.count > 0));
    }
});

test("any byte may be any other one", () => {
    const { header, blocks } = encoded(small(), 20);
    const random = numbers(7);
    for (let at = 0; at < blocks[1][1].length; at += 1) {
        for (const value of [0, 1, 127, 128, 255, Math.floor(random() * 256)]) {
            const bytes = Uint8Array.from(blocks[1][1]);
            bytes[at] = value;
            const damaged = blocks.map(([process, whole], i) => [process, i === 1 ? bytes : whole]);
            decoded({ header, blocks: damaged }).trace.tracks.forEach(check);
        }
    }
});

test("a missing block leaves what stands around it", () => {
    const trace = sample({ calls: 4000, tracks: 1 });
    const { header, blocks } = encoded(trace, 500);
    blocks.splice(3, 1);
    const { trace: read, problems } = decoded({ header, blocks });
    assert.match(problems.join(), /^\d+ of 4000 calls of MainProcess \(pid 4711\) are missing\.$/);
    const [track] = read.tracks;
    check(track);
    assert.ok(track.count > 3500 && track.count < 4000);
    const last = track.count - 1;
    assert.equal(track.start[last], trace.tracks[0].start[3999]);
});

test("an invalid header is reported", () => {
    for (const header of [null, 7, "x", [], {}, { format: 2 }, { format: 1, processes: [null, 3, { calls: 4 }] }]) {
        const decoder = new Decoder(header);
        decoder.add(0, Uint8Array.from([1, 2, 3]));
        decoder.add(99, Uint8Array.from([0]));
        decoder.addSource("no JSON");
        const trace = decoder.finish();
        assert.ok(decoder.problems.length > 0);
        assert.ok(Array.isArray(trace.tracks));
    }
    const huge = { format: 1, processes: [{ threads: [{}], calls: [[0, 0, 1e300], [0, 1, -1], [0, 2, 2 ** 27]] }] };
    const decoder = new Decoder(huge);
    for (const task of [0, 1]) {
        decoder.add(0, Uint8Array.from([0, 0, task, 0, 0, 0, 0, 0, 0, 0]));
    }
    assert.equal(decoder.problems.length, 2);
});

test("a task that ran on several threads has one track", () => {
    const trace = sample({ calls: 30, tracks: 3 });
    const { header, blocks } = encoded(trace, 1000);
    const task = trace.tracks.find((track) => track.kind === "task");
    const alone = (process) => ({ ...process, tracks: process.tracks.filter((track) => track === task) });
    const other = encoded({ ...trace, processes: trace.processes.map(alone) }, 1000);
    // The same calls once more, as if on thread 1.
    const [index, bytes] = other.blocks.at(-1);
    const again = Uint8Array.from(bytes);
    again[1 + again[0]] = 1;
    header.processes[index].threads.push({ tid: 9, name: "other" });
    header.processes[index].calls.push([1, task.tid - 2 ** 24, task.count]);
    const { trace: read, problems } = decoded({ header, blocks: [...blocks, [index, again]] });
    assert.deepEqual(problems, []);
    const [track] = read.tracks.filter((of) => of.kind === "task");
    assert.equal(track.count, 2 * task.count);
    check(track);
});

test("arrows of the trace, and from a process to those that it started", () => {
    const trace = sample({ calls: 30, tracks: 2 });
    trace.tracks[0].instants = [];
    const { header, blocks } = encoded(trace, 1000);
    Object.assign(header.processes[1], { parent: 0, opened: trace.tracks[1].start[0] - 5 });
    const flow = (kind, time) => ({ time, kind, name: "n", args: null });
    const decoder = new Decoder(header);
    blocks.forEach(([process, bytes]) => decoder.add(process, bytes));
    const [stream, other] = [decoder.processes[0].stream(0, 0), decoder.processes[1].stream(0, 0)];
    const second = trace.tracks[1].start[1];
    const ends = [
        ["s", stream, 1, "7"], ["t", other, 2, "7"], ["f", stream, 3, "7"], ["f", other, 9, "8"],
        ["s", stream, 4, "9"], ["f", other, second - 1, "9", true],
    ];
    for (const [kind, of, time, id, next] of ends) {
        of.now = time;
        decoder.processes[of === stream ? 0 : 1].instant(of, { ...flow(kind, time), id, cat: "c", next });
    }
    const read = decoder.finish();
    const arrows = read.flows.map((of) => [of.name, of.fromTrack.index, of.fromTime, of.toTrack.index, of.toTime]);
    const begin = trace.tracks[1].start[0];
    assert.deepEqual(arrows, [
        ["start", 0, begin - 5, 1, begin], ["n", 0, 1, 1, 2], ["n", 1, 2, 0, 3], ["n", 0, 4, 1, second],
    ]);
});

test("base64 and gzip", async () => {
    const text = "x".repeat(100_000);
    const packed = zlib.gzipSync(text);
    const bytes = bytesOf(packed.toString("base64"));
    assert.deepEqual(Buffer.from(bytes), packed);
    assert.equal(Buffer.from(await unzipped(bytes)).toString(), text);
    await assert.rejects(unzipped(bytes.subarray(0, 20)));
    assert.throws(() => bytesOf("no base64!"));
});
