// Lives of tasks and coroutines: their bytes, their pieces among the calls, and the table of coroutines.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FIRST_PIECE, LATER_PIECE, NO_PIECE, livesOf, pieceBefore, piecesOf, readLives } from "../data/lives.js";
import { RAISED, UNFINISHED, YIELDED } from "../data/model.js";
import { Varints } from "../data/varints.js";
import { wholeOf } from "../statistics/range.js";
import { coroutines, percentile, resumesAmong, resumesIn } from "../statistics/coroutines.js";
import { varint } from "./encode.js";

const [MAIN, HANDLER, PLAIN] = [0, 1, 2];

/** A life as the page has it, of a coroutine unless `of` is -1. */
function life(of, depth, start, duration, more = {}) {
    const usual = { running: 10, resumes: 1, end: 0, isBeginUnknown: 0, id: 1, awaitedBy: 0 };
    return { function: of, depth, start, duration, ...usual, ...more };
}

/** A track of a task, from calls: function, depth, start, duration, flags. */
function taskTrack(calls, lives) {
    const column = (Type, at) => Type.from(calls, (call) => call[at] ?? 0);
    return {
        kind: "task", count: calls.length, process: {}, lives: livesOf(lives, 0),
        function: column(Uint32Array, 0), depth: column(Uint16Array, 1),
        start: column(Float64Array, 2), duration: column(Float64Array, 3), flags: column(Uint8Array, 4),
    };
}

/** Main awaits a handler twice in a row; the handler is resumed twice, then once. The last one raises at once. */
function example() {
    const calls = [
        [MAIN, 0, 0, 10, YIELDED], [HANDLER, 1, 2, 6, YIELDED],
        [MAIN, 0, 100, 10, YIELDED], [HANDLER, 1, 101, 5, YIELDED],
        [MAIN, 0, 200, 20, YIELDED], [HANDLER, 1, 201, 4], [PLAIN, 1, 206, 2], [HANDLER, 1, 210, 5, YIELDED],
        [MAIN, 0, 300, 30], [HANDLER, 1, 301, 9], [HANDLER, 1, 312, 3, RAISED],
    ];
    const lives = [
        life(-1, 0, 0, 330, { running: 70, resumes: 3 }),
        life(MAIN, 0, 0, 330, { running: 70, resumes: 3 }),
        life(HANDLER, 1, 2, 203, { running: 15, resumes: 2, id: 3, awaitedBy: 2 }),
        life(HANDLER, 1, 210, 100, { running: 14, id: 4, awaitedBy: 2 }),
    ];
    return taskTrack(calls, lives);
}

function atOnce(generator) {
    let step = generator.next();
    while (!step.done) {
        step = generator.next();
    }
    return step.value;
}

function trace(track) {
    return { tracks: [track] };
}

test("lives are read from bytes", () => {
    const bytes = [];
    const numbers = [0, 7, 0, 5, 300, 20, 3, 0, 1, 0, 2, 7, 4, 6, 200, 10, 2, 4 + 3, 2, 1, 99, 7, 0, 6, 1, 1, 0, 2, 3, 0];
    numbers.forEach((value) => varint(bytes, value));
    const found = [];
    readLives(new Varints(Uint8Array.from(bytes), 0, bytes.length), 5, (task, one) => found.push([task, one]));
    const [task, coroutine, unknown] = found;
    assert.deepEqual(task, [7, life(-1, 0, 5, 300, { running: 20, resumes: 3, id: 1 })]);
    assert.deepEqual(coroutine, [
        7, life(1, 4, 6, 200, { running: 10, resumes: 2, end: 3, isBeginUnknown: 1, id: 2, awaitedBy: 1 }),
    ]);
    assert.equal(unknown[1].function, 0, "a function that there is not");
    const cut = new Varints(Uint8Array.from(bytes.slice(0, 4)), 0, 4);
    assert.throws(() => readLives(cut, 5, () => {}), /cut off/);
});

test("calls are pieces of lives", () => {
    const track = example();
    const { kinds, lives } = piecesOf(track);
    const [first, later, none] = [FIRST_PIECE, LATER_PIECE, NO_PIECE];
    assert.deepEqual([...kinds], [first, first, later, later, later, later, none, first, later, later, none]);
    assert.deepEqual([...lives], [1, 2, 1, 2, 1, 2, -1, 3, 1, 3, -1]);
    assert.equal(pieceBefore(track, 2, 150), 3);
    assert.equal(pieceBefore(track, 3, 150), -1);
});

test("an exception enters the innermost coroutine at the outermost level", () => {
    const calls = [[MAIN, 0, 0, 10, YIELDED], [HANDLER, 1, 2, 6, YIELDED], [HANDLER, 0, 50, 5, RAISED], [MAIN, 0, 60, 5]];
    const track = taskTrack(calls, [life(MAIN, 0, 0, 65), life(HANDLER, 1, 2, 53)]);
    assert.deepEqual([...piecesOf(track).lives], [0, 1, 1, 0]);
});

test("recursive coroutines are told apart by their depth", () => {
    const calls = [0, 100].flatMap((at) => [0, 1, 2].map((depth) => [MAIN, depth, at + depth, 50 - 2 * depth]));
    const track = taskTrack(calls, [0, 1, 2].map((depth) => life(MAIN, depth, depth, 150 - depth)));
    assert.deepEqual([...piecesOf(track).lives], [0, 1, 2, 0, 1, 2]);
});

test("the table of coroutines counts each call once", () => {
    const track = example();
    const { rows, ...tasks } = atOnce(coroutines(trace(track), wholeOf(trace(track))));
    assert.deepEqual(tasks, { tasks: 1, unfinishedTasks: 0, awaiting: 260, running: 70 });
    const [main, handler] = rows;
    assert.deepEqual([main.calls, main.resumes, main.max, main.awaiting], [1, 3, 330, 260]);
    assert.deepEqual([handler.calls, handler.resumes, handler.raised, handler.whole], [3, 3, 1, 3]);
    assert.deepEqual([handler.p50, handler.p99, handler.max], [100, 203, 203]);
    assert.deepEqual([handler.awaiting, handler.running], [203 - 15 + 100 - 14, 15 + 14 + 3]);
    assert.equal(rows.length, 2, "functions that never await are no coroutines");
    const late = atOnce(coroutines(trace(track), { from: 205, to: 1000, tracks: [track] }));
    assert.deepEqual(late.rows.map(({ calls }) => calls), [2]);
    assert.deepEqual([...resumesIn(wholeOf(trace(track)))], [[MAIN, 3], [HANDLER, 3]]);
    assert.equal(resumesAmong([track], new Map([[0, [0, 1, 2, 3, 6]]])), 2);
});

test("what has no known begin or end has no latency", () => {
    const lives = [
        life(MAIN, 0, 0, 30, { isBeginUnknown: 1 }), life(MAIN, 0, 50, 30, { end: 2 }), life(MAIN, 0, 90, 30, { end: 3 }),
    ];
    const calls = [0, 50, 90].map((at) => [MAIN, 0, at, 5, YIELDED]);
    const track = taskTrack([...calls, [MAIN, 0, 200, 5, UNFINISHED]], lives);
    const [row] = atOnce(coroutines(trace(track), wholeOf(trace(track)))).rows;
    assert.deepEqual([row.calls, row.whole, row.unfinished, row.unknown, row.p50, row.max], [4, 0, 2, 2, 0, 0]);
});

test("percentiles are those of the command: the middle of a bucket", () => {
    const of = (...durations) => percentile(Float64Array.from(durations).sort(), 50);
    assert.equal(of(), 0);
    assert.equal(of(7, 127, 300), 127);
    assert.equal(of(1, 130, 1000), 131);
    assert.equal(of(1, 131, 1000), 131);
    assert.equal(of(10_000, 10_001, 10_002), 10_002, "not more than the longest");
});
