// Time in which calls were overwritten is not self time of any function.

import assert from "node:assert/strict";
import test from "node:test";
import { Decoder } from "../data/decode.js";
import { Levels } from "../data/levels.js";
import { unknownIn } from "../data/overwritten.js";
import { callees } from "../panels/call.js";
import { neighbours } from "../statistics/neighbours.js";
import { wholeOf } from "../statistics/range.js";
import { atOnce } from "../statistics/slices.js";
import { callTree } from "../statistics/stacks.js";
import { statistics } from "../statistics/statistics.js";
import { drawn } from "./drawn.js";
import { encoded } from "./encode.js";

/** `m` calls `f`, which calls `h`, and later `g`; of what ended before 5 ns nothing is left. */
function wrapped(change = () => {}) {
    const { header, blocks } = encoded(drawn(["mmmmmmmmmm", "  ffff gg ", "   hh     "]), 3);
    const [process] = header.processes;
    process.overwritten = [[0, 0, [0, 2, 2, 3, 3, 5]]];
    process.threads[0].gap = [0, 2, 70, 0, 5];
    change(process);
    const decoder = new Decoder(header);
    blocks.forEach(([index, bytes]) => decoder.add(index, bytes));
    const trace = decoder.finish();
    assert.deepEqual(decoder.problems, []);
    return trace;
}

function named({ functions }, rows, value) {
    return Object.fromEntries(rows.map((row) => [functions.name(row.function), value(row)]));
}

test("own times are of what is known, and all together is the time of the thread", () => {
    const trace = wrapped();
    const own = (range) => named(trace, atOnce(statistics(trace, range)), (row) => row.own);
    assert.deepEqual(own(wholeOf(trace)), { f0: 2, f1: 1, f2: 0, f3: 2, "[overwritten]": 5 });
    assert.deepEqual(own({ from: 1, to: 4, tracks: trace.tracks }), { f0: 0, f1: 0, f2: 0, "[overwritten]": 3 });
    assert.deepEqual(own({ from: 5, to: 10, tracks: trace.tracks }), { f0: 2, f1: 1, f3: 2 });
    const [row] = atOnce(statistics(trace, wholeOf(trace))).filter((of) => of.function === trace.functions.overwritten);
    assert.deepEqual([row.calls, row.total, row.mean, row.max], [0, 5, 0, 0]);
    const tree = atOnce(callTree(wholeOf(trace)));
    const nodes = [...tree.function.slice(0, tree.count).keys()];
    const unknown = nodes.filter((node) => tree.function[node] === trace.functions.overwritten);
    const stack = (node) => tree.path(node).map((of) => trace.functions.name(of)).join(" ");
    assert.deepEqual(unknown.map((node) => [stack(node), tree.own[node]]).sort(), [
        ["f0 [overwritten]", 2],
        ["f0 f1 [overwritten]", 1],
        ["f0 f1 f2 [overwritten]", 2],
    ]);
    const { callers } = atOnce(neighbours(wholeOf(trace), trace.functions.overwritten));
    assert.deepEqual(named(trace, callers, (of) => of.total), { f0: 2, f1: 1, f2: 2 });
});

test("the unknown time of a call is known", () => {
    const [track] = wrapped().tracks;
    assert.deepEqual([0, 1, 2, 3].map((call) => unknownIn(track, call)), [2, 1, 2, 0]);
    assert.deepEqual([0, 1, 2, 3].map((call) => callees(track, call).own), [2, 1, 0, 2]);
    assert.equal(callees(track, 2).unknown, 2);
    const levels = new Levels(track);
    atOnce(levels.steps);
    assert.deepEqual([0, 1, 2, 3].map((call) => levels.selfTime(call)), [2, 1, 0, 2]);
});

test("calls and searches know nothing of it", () => {
    const trace = wrapped();
    assert.equal(trace.tracks[0].count, 4);
    assert.equal(trace.functions.name(trace.functions.overwritten), "[overwritten]");
});

test("times that are none are passed over", () => {
    for (const damage of [null, 7, [["x"]], [[0, 0, [1]]], [[0, 0, [5, 3]]], [[0, 0, ["a", {}]]], [[9, 9, [0, 4]]]]) {
        const trace = wrapped((process) => (process.overwritten = damage));
        const rows = atOnce(statistics(trace, wholeOf(trace)));
        assert.ok(rows.every((row) => row.own >= 0 && row.total >= 0));
    }
});
