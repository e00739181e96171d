// The hits of a search: calls, instants and counters in one order.

import assert from "node:assert/strict";
import test from "node:test";
import { hide } from "../data/hiding.js";
import { findAll } from "../panels/hits.js";
import { matcher } from "../panels/matches.js";
import { atOnce } from "../statistics/slices.js";
import { timeOf } from "../timeline/points.js";
import { randomTrace } from "./drawn.js";
import { numbers } from "./sample.js";

const found = (trace, text) => atOnce(findAll(trace, matcher(text).test, text));
const where = (hit) => (hit.point ? ["point", hit.point.counter ? -1 : hit.point.track.index, hit.point.at]
    : ["call", hit.track.index, hit.call]);

/** A random trace with instants named "f2 ..." and a counter "f counter". */
function traceWithPoints(seed) {
    const trace = randomTrace(seed);
    const random = numbers(seed);
    for (const track of trace.tracks) {
        track.instants = Array.from({ length: 6 }, (_, at) => at).map(() => Math.floor(random() * trace.duration))
            .sort((a, b) => a - b)
            .map((time) => ({ time, kind: "instant", name: `f${Math.floor(random() * 4)}!`, args: null }));
    }
    const [times, values] = [Float64Array.of(3, 5), Float64Array.of(1, 2)];
    trace.counters = [{ process: trace.processes[0], name: "of2", times, values }];
    return trace;
}

test("calls, instants and counters are found in the order of time, there and back", () => {
    for (let seed = 1; seed < 60; seed += 1) {
        const trace = traceWithPoints(seed);
        const hits = found(trace, "f2");
        const calls = trace.tracks.flatMap((track) => [...track.function.keys()]
            .filter((call) => trace.functions.label(track.function[call]).includes("f2"))
            .map((call) => ({ track, call, time: track.start[call], order: 0 })));
        const points = hits.points.map((point) => ({ point, time: timeOf(point), order: 1 }));
        const instants = trace.tracks.flatMap((track) => track.instants).filter(({ name }) => name === "f2!");
        assert.equal(points.length, 1 + instants.length);
        const expected = [
            ...calls.sort((a, b) => a.time - b.time || a.track.index - b.track.index || a.call - b.call),
            ...points,
        ].sort((a, b) => a.time - b.time || a.order - b.order);
        assert.equal(hits.count, expected.length);
        let [forth, back] = [null, null];
        for (const [index, hit] of expected.entries()) {
            forth = hits.after(forth);
            back = hits.before(back);
            assert.deepEqual(where(forth), where(hit));
            assert.deepEqual(where(back), where(expected.at(-1 - index)));
            assert.equal(hits.indexOf(forth), index);
        }
        assert.deepEqual(where(hits.after(forth)), where(expected[0]), "after the last one comes the first one");
        assert.deepEqual(where(hits.before(back)), where(expected.at(-1)));
    }
});

test("arguments are found, also of calls that moved when others were hidden", () => {
    const trace = randomTrace(5);
    const track = trace.tracks.find(({ count }) => count > 8);
    const args = (value) => JSON.stringify({ func_args: { host: value }, return_value: "None" });
    track.args.set(2, args("'10.0.0.5'")).set(7, args("'10.0.0.51'")).set(4, args("'ü \"x\"'"));
    const calls = (text) => [...found(trace, text).matches.calls.get(track.index)];
    assert.deepEqual(calls("10.0.0.5"), [2, 7]);
    assert.deepEqual(calls("host = '10"), [2, 7]);
    assert.deepEqual(calls('ü "x"'), [4]);
    assert.deepEqual(calls("func_args"), [], "only what the program said");
    const mask = new Uint8Array(trace.functions.count);
    mask[track.function[0]] = 1;
    const shown = [2, 7].filter((call) => mask[track.function[call]] === 0);
    hide(trace, mask);
    const texts = calls("10.0.0.5").map((call) => track.args.get(call));
    assert.deepEqual(texts, shown.map((call) => track.recorded.args.get(call)));
});
