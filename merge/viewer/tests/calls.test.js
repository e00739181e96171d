// The calls of a function: against the table of functions, and their order.

import assert from "node:assert/strict";
import test from "node:test";
import { CLIPPED, endOf, RAISED, UNFINISHED } from "../data/model.js";
import { durationText, notesText, placeText } from "../panels/calls.js";
import { rateText } from "../panels/rate.js";
import { Scope } from "../panels/scope.js";
import { callsOf } from "../statistics/calls.js";
import { ordered } from "../statistics/order.js";
import { wholeOf } from "../statistics/range.js";
import { atOnce } from "../statistics/slices.js";
import { statistics } from "../statistics/statistics.js";
import { drawn, randomTrace, tasksTrace } from "./drawn.js";
import { numbers } from "./sample.js";

const listOf = (range, of) => atOnce(callsOf(range, of));
const rowsOf = (calls, sort) => Array.from(atOnce(calls.order(sort)), (at) => calls.at(at));

/** The whole trace, and random ranges of it. */
function ranges(trace, random) {
    const time = () => Math.floor(random() * (trace.duration + 2));
    const some = () => {
        const [from, to] = [time(), time()].sort((a, b) => a - b);
        return { from, to, tracks: random() < 0.5 ? trace.tracks : trace.tracks.filter(() => random() < 0.5) };
    };
    return [wholeOf(trace), some(), some(), some()];
}

test("the numbers of a list are those of the table of functions", () => {
    const random = numbers(17);
    let cut = 0;
    for (let seed = 1; seed < 60; seed += 1) {
        for (const trace of [randomTrace(seed), tasksTrace(seed)]) {
            for (const range of ranges(trace, random)) {
                for (const row of atOnce(statistics(trace, range))) {
                    const calls = listOf(range, row.function);
                    const { mean, max, raised, unfinished } = atOnce(calls.summary());
                    const own = calls.own.subarray(0, calls.count).reduce((sum, time) => sum + time, 0);
                    const found = [calls.count, own, mean, max.duration, raised, unfinished];
                    assert.deepEqual(found, [row.calls, row.own, row.mean, row.max, row.raised, row.unfinished]);
                    cut += rowsOf(calls, "start").filter(({ isCut }) => isCut).length;
                }
                assert.equal(listOf(range, 99).count, 0);
            }
        }
    }
    assert.ok(cut > 100, `${cut}`);
});

test("every call is listed once, with its own begin", () => {
    for (let seed = 1; seed < 30; seed += 1) {
        const trace = tasksTrace(seed);
        const rows = [0, 1, 2, 3].flatMap((of) => rowsOf(listOf(wholeOf(trace), of), "start"));
        const names = rows.map(({ track, call }) => `${track.index} ${call}`);
        assert.equal(new Set(names).size, trace.tracks.reduce((sum, { count }) => sum + count, 0));
        assert.ok(rows.every(({ track, call, start, isCut }) => start === track.start[call] && !isCut));
    }
});

test("a call has the time of the range, and its self time is without what it called", () => {
    const trace = drawn(["ffffffff ff", " ff  gg    ", " h         "]);
    const [f, inner, other] = rowsOf(listOf({ from: 2, to: 10, tracks: trace.tracks }, 0), "-duration");
    const numbersOf = ({ start, duration, own, isCut }) => [start, duration, own, isCut];
    assert.deepEqual([f, inner, other].map(numbersOf), [
        [0, 6, 3, true],
        [1, 1, 1, true],
        [9, 1, 1, true],
    ]);
    assert.deepEqual(rowsOf(listOf(wholeOf(trace), 1), "start").map(numbersOf), [[1, 1, 1, false]]);
});

test("a list is sorted by each of its columns, in both directions", () => {
    const trace = tasksTrace(7);
    trace.tracks.forEach((track) => track.args.set(1, '{"x":1}'));
    const calls = listOf(wholeOf(trace), 2);
    const values = {
        start: ({ start }) => start,
        duration: ({ duration }) => duration,
        own: ({ own }) => own,
        track: ({ track }) => track.index,
        arguments: ({ track, call }) => track.args.get(call) ?? "",
        notes: ({ flags }) => flags,
    };
    for (const [key, value] of Object.entries(values)) {
        const up = rowsOf(calls, key).map(value);
        assert.deepEqual(up, [...up].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)));
        assert.deepEqual(rowsOf(calls, `-${key}`).map(value), [...up].reverse());
    }
});

test("percentiles are calls whose duration the given share of all calls do not exceed", () => {
    const lengths = [3, 9, 1, 7, 5, 5, 2, 8, 4, 6];
    const trace = drawn([lengths.map((length) => `${"f".repeat(length)} `).join("")]);
    const percentiles = (range) => {
        const { p50, p99, max } = atOnce(listOf(range, 0).summary());
        return [p50, p99, max].map(({ track, call, duration }) => {
            assert.equal(track.duration[call], duration);
            return duration;
        });
    };
    assert.deepEqual(percentiles(wholeOf(trace)), [5, 9, 9]);
    assert.deepEqual(percentiles({ from: 0, to: 14, tracks: trace.tracks }), [3, 9, 9]);
    assert.deepEqual(percentiles({ from: 0, to: 3, tracks: trace.tracks }), [3, 3, 3]);
    assert.equal(listOf(wholeOf(trace), 0).longest().duration, 9);
});

test("keys are sorted, and equal ones stay in their order", () => {
    const random = numbers(3);
    for (let count = 0; count < 70; count += 1) {
        const keys = Float64Array.from({ length: count }, () => Math.floor(random() * 20));
        const indices = [...keys.keys()];
        assert.deepEqual([...atOnce(ordered(keys))], indices.sort((a, b) => keys[a] - keys[b] || a - b));
        assert.deepEqual([...atOnce(ordered(keys, true))], indices.sort((a, b) => keys[b] - keys[a] || a - b));
    }
    assert.deepEqual([...atOnce(ordered(["b", "", "a", "b"], true))], [0, 3, 2, 1]);
});

test("a long sort reports its progress", () => {
    const random = numbers(5);
    const work = ordered(Float64Array.from({ length: 200_000 }, random));
    const reported = [];
    for (let step = work.next(); !step.done; step = work.next()) {
        reported.push(step.value);
    }
    assert.ok(reported.length > 100 && reported.every((done) => done > 0 && done <= 1));
    assert.deepEqual(reported, [...reported].sort((a, b) => a - b));
});

test("begins are counted by time; a call that began before it is not counted", () => {
    const trace = drawn(["ff f f f  ffff"]);
    const begins = (from, to, parts) => {
        const calls = listOf({ from, to, tracks: trace.tracks }, 0);
        return [...atOnce(calls.begins(from, to, parts))];
    };
    assert.deepEqual(begins(0, 14, 2), [3, 2]);
    assert.deepEqual(begins(1, 14, 13), [0, 0, 1, 0, 1, 0, 1, 0, 0, 1, 0, 0, 0]);
    assert.deepEqual(begins(8, 8, 3), [0, 0, 0]);
});

test("the highest rate in words", () => {
    assert.equal(rateText(Uint32Array.of(1, 4, 0), 0, 3e9), "at most 4, in 1.000 s from 1.000 s on");
    const short = rateText(Uint32Array.of(0, 2), 1000, 3000);
    assert.equal(short, "at most 2,000,000, in 1.000 µs from 2.000 µs on");
    assert.equal(rateText(new Uint32Array(3), 0, 9), "");
    assert.equal(rateText(Uint32Array.of(1), 5, 5), "");
});

test("what is not known of a call is said", () => {
    assert.equal(durationText({ duration: 1500, flags: 0 }), "1.500 µs");
    assert.equal(durationText({ duration: 1500, flags: UNFINISHED }), "≥1.500 µs");
    assert.equal(durationText({ duration: 1500, flags: CLIPPED }), "≥1.500 µs");
    assert.equal(notesText({ flags: RAISED | UNFINISHED, isCut: true }), "unfinished, raised, partly in the range");
    assert.equal(notesText({ flags: 0, isCut: false }), "");
    const trace = tasksTrace(1);
    const places = [0, 2].map((index) => placeText(trace, trace.tracks[index]));
    assert.deepEqual(places, ["thread 0 (70)", "thread 2 (task)"]);
    const two = { processes: [...trace.processes, ...trace.processes] };
    assert.equal(placeText(two, trace.tracks[0]), "main (pid 7), thread 0 (70)");
});

test("a scope keeps the calls of one function", async () => {
    const trace = drawn(["ffgg"]);
    const scope = new Scope(trace);
    const calls = (of) => scope.calls(of, () => {});
    const first = await calls(0);
    assert.equal(await calls(0), first);
    assert.equal((await calls(1)).at(0).start, 2);
    assert.notEqual(await calls(0), first);
    assert.equal(endOf(first.at(0).track, first.at(0).call), 2);
});
