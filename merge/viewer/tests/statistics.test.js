// Statistics and stacks against the plainest way to count, on random traces.

import assert from "node:assert/strict";
import test from "node:test";
import { callers, endOf } from "../data/model.js";
import { meanwhile } from "../statistics/meanwhile.js";
import { neighbours } from "../statistics/neighbours.js";
import { wholeOf } from "../statistics/range.js";
import { atOnce, inSlices, Stopped } from "../statistics/slices.js";
import { callTree, calleesOf, callersOf } from "../statistics/stacks.js";
import { busy, statistics } from "../statistics/statistics.js";
import { CallTree, REST, ROOT } from "../statistics/tree.js";
import { numbers } from "./sample.js";
import { drawn, randomTrace, tasksTrace } from "./drawn.js";

const onItsTrack = (track, call) => callers(track, call).map((outer) => ({ track, call: outer }));

/** The calls of a range with their time in it; `around` returns the open calls around a call. */
function callsOf({ from, to, tracks }, around = onItsTrack) {
    const overlaps = (track, call) => {
        const [start, end] = [track.start[call], endOf(track, call)];
        return start < to && (start >= from || end > from);
    };
    return tracks.flatMap((track) =>
        Array.from({ length: track.count }, (_, call) => {
            const [start, end] = [track.start[call], endOf(track, call)];
            const isIn = [...track.start.keys()].some(
                (at) => overlaps(track, at) && (at === call || callers(track, at).includes(call)),
            );
            const outer = around(track, call).map((of) => (of.track ?? tracks[of.index]).function[of.call]);
            const time = Math.min(end, to) - Math.max(start, from);
            return { isIn, track, call, of: track.function[call], stack: [track.function[call], ...outer], time };
        }).filter(({ isIn }) => isIn),
    );
}

/** Functions that wait in these tests. */
const WAITS = new Set([1, 3]);

/** What of a function's calls was in calls that wait, and in what these call. */
function plainIdle(all, of, waits) {
    const waitsIn = (stack) => stack.some((one) => waits.has(one));
    const sum = (calls) => calls.reduce((total, { time }) => total + time, 0);
    const own = all.filter((call) => call.of === of && waitsIn(call.stack));
    const called = all.filter(({ stack }) => stack[1] === of && waitsIn(stack.slice(1)));
    const waited = all.filter(({ stack }) => waits.has(stack[0]) && !waitsIn(stack.slice(1)));
    const outermost = own.filter(({ stack }) => !stack.slice(1).includes(of));
    const within = waited.filter(({ stack }) => stack.slice(1).includes(of));
    return { calls: own.length, total: sum(outermost) + sum(within), own: sum(own) - sum(called) };
}

function plainStatistics(all, waits) {
    return [...new Set(all.map(({ of }) => of))]
        .sort((a, b) => a - b)
        .map((of) => {
            const own = all.filter((call) => call.of === of);
            const sum = (calls) => calls.reduce((total, { time }) => total + time, 0);
            const outermost = own.filter(({ stack }) => !stack.slice(1).includes(of));
            const called = all.filter(({ stack }) => stack[1] === of);
            const flagged = (flag) => own.filter(({ track, call }) => track.flags[call] & flag).length;
            return {
                function: of,
                calls: own.length,
                total: sum(outermost),
                own: sum(own) - sum(called),
                mean: Math.round(sum(own) / own.length),
                max: Math.max(...own.map(({ time }) => time)),
                raised: flagged(2),
                unfinished: flagged(1),
                waiting: plainIdle(all, of, waits).total,
                idle: plainIdle(all, of, waits),
            };
        });
}

function ranges(trace, random) {
    const time = () => Math.floor(random() * (trace.duration + 2));
    const some = trace.tracks.filter(() => random() < 0.5);
    return Array.from({ length: 6 }, () => {
        const [from, to] = [time(), time()].sort((a, b) => a - b);
        return { from, to, tracks: random() < 0.5 ? trace.tracks : some };
    });
}

test("statistics are those of the plainest way to count", () => {
    const random = numbers(7);
    for (let seed = 1; seed < 60; seed += 1) {
        const trace = randomTrace(seed);
        trace.functions.waits = WAITS;
        for (const range of [wholeOf(trace), ...ranges(trace, random)]) {
            assert.deepEqual(atOnce(statistics(trace, range)), plainStatistics(callsOf(range), WAITS));
        }
    }
});

test("recursion counts once, also through others, and calls are clipped to the range", () => {
    const trace = drawn(["ffffffff", " gggggg ", "  ffff  ", "   gg   "]);
    const [f, g] = atOnce(statistics(trace, wholeOf(trace)));
    assert.deepEqual([f.calls, f.total, f.own, f.mean, f.max], [2, 8, 4, 6, 8]);
    assert.deepEqual([g.calls, g.total, g.own, g.mean, g.max], [2, 6, 4, 4, 6]);
    const [cut] = atOnce(statistics(trace, { from: 2, to: 5, tracks: trace.tracks }));
    assert.deepEqual([cut.calls, cut.total, cut.own, cut.max], [2, 3, 1, 3]);
});

test("without waiting, what waits is left out, and its time in the calls around it", () => {
    const trace = drawn(["ffffffff", " gg hhh ", " f   g  "]);
    const { functions } = trace;
    const [f, g, h] = [0, 1, 2];
    functions.waits = new Set([g]);
    const all = atOnce(statistics(trace, wholeOf(trace)));
    const numbersOf = (some, of) =>
        some.filter((row) => row.function === of).map((row) => [row.calls, row.total, row.own]);
    const { rows, leftOut } = busy(all, -1);
    assert.deepEqual(all.map(({ waiting }) => waiting), [3, 3, 1]);
    assert.deepEqual([numbersOf(rows, f), numbersOf(rows, g), numbersOf(rows, h)], [[[1, 5, 3]], [], [[1, 2, 2]]]);
    assert.equal(leftOut, 3);
    assert.equal(all.reduce((sum, { own }) => sum + own, 0), leftOut + rows.reduce((sum, { own }) => sum + own, 0));
});

test("what the other tracks did meanwhile", () => {
    const trace = drawn(["ffffffff", " gg hhh "]);
    const [one] = trace.tracks;
    const [other] = drawn(["ffff hhhhh", " gg"]).tracks;
    trace.tracks.push(other);
    trace.functions.waits = new Set([1]);
    const rows = atOnce(meanwhile(trace, one, 0));
    const found = rows.map(({ function: of, track, time, call }) => [of, track, time, other.function[call]]);
    assert.deepEqual(found, [[2, other, 3, 2], [0, other, 2, 0]], "what waits is left out");
    assert.deepEqual(atOnce(meanwhile({ ...trace, tracks: [one] }, one, 0)), []);
});

test("a call without duration is in the range that begins with it and in no other", () => {
    const trace = drawn(["ffff"]);
    trace.tracks[0].duration[0] = 0;
    const calls = (from, to) => atOnce(statistics(trace, { from, to, tracks: trace.tracks })).length;
    assert.deepEqual([calls(0, 1), calls(-1, 0), calls(1, 2)], [1, 0, 0]);
});

const byFunction = (a, b) => a.function - b.function;

function plainCallers(all, of) {
    const found = new Map();
    for (const { stack, time } of all.filter((call) => call.of === of)) {
        const [, caller = -1] = stack;
        const isInner = stack.some((other, at) => at > 0 && other === of && (stack[at + 1] ?? -1) === caller);
        const entry = found.get(caller) ?? { function: caller, calls: 0, total: 0 };
        found.set(caller, { ...entry, calls: entry.calls + 1, total: entry.total + (isInner ? 0 : time) });
    }
    return [...found.values()].sort(byFunction);
}

test("a task's calls count as calls of the thread that runs them, each once", () => {
    const random = numbers(3);
    const whole = { from: -Infinity, to: Infinity };
    for (let seed = 1; seed < 60; seed += 1) {
        const trace = tasksTrace(seed);
        trace.functions.waits = WAITS;
        const { tracks, around } = trace;
        const [one, two, ...tasks] = tracks;
        for (const range of [wholeOf(trace), { ...ranges(trace, random)[0], tracks }]) {
            const all = callsOf(range, around);
            assert.deepEqual(atOnce(statistics(trace, range)), plainStatistics(all, WAITS));
            const tree = atOnce(callTree(range));
            assert.deepEqual(paths(tree), plainPaths(all, ({ stack }) => [...stack].reverse().join(";")));
            for (const of of [0, 1, 2, 3]) {
                assert.deepEqual(atOnce(neighbours(range, of)).callers.sort(byFunction), plainCallers(all, of));
            }
            // The width of all is the sum of all own times, and that of what is outermost.
            const own = tree.own.subarray(0, tree.count).reduce((sum, time) => sum + time);
            const outermost = all.filter(({ stack }) => stack.length === 1).reduce((sum, { time }) => sum + time, 0);
            assert.deepEqual([own, tree.total[ROOT]], [outermost, outermost]);
        }
        // Of a thread, with what its tasks did on it; the other one's part of a task is left out.
        const isOn = (thread) => ({ track, call }) =>
            track === thread ||
            track.parts?.some((part) => part.thread === thread && (part.calls?.includes(call) ?? true));
        for (const thread of [one, two]) {
            const all = callsOf({ ...whole, tracks }, around).filter(isOn(thread));
            const rows = atOnce(statistics(trace, { ...whole, tracks: [thread, ...tasks] }));
            assert.deepEqual(rows, plainStatistics(all, WAITS));
        }
        // Of tasks alone, nothing of the threads is around; but of tasks that run on one thread, others may be.
        const ofTasks = (track, call) => around(track, call).filter(({ index }) => tasks.includes(tracks[index]));
        const all = callsOf({ ...whole, tracks }, ofTasks).filter(({ track }) => tasks.includes(track));
        assert.deepEqual(atOnce(statistics(trace, { ...whole, tracks: tasks })), plainStatistics(all, WAITS));
        for (const task of tasks) {
            const alone = { ...whole, tracks: [task] };
            assert.deepEqual(atOnce(statistics(trace, alone)), plainStatistics(callsOf(alone), WAITS));
        }
    }
});

/** Time, own time and calls by path, as text. */
function paths(tree) {
    const lines = Array.from({ length: tree.count - 1 }, (_, i) => i + 1);
    return Object.fromEntries(
        lines.map((node) => [tree.path(node).join(";"), [tree.calls[node], tree.total[node], tree.own[node]]]),
    );
}

function plainPaths(calls, pathOf) {
    const sums = {};
    for (const call of calls) {
        const sum = (sums[pathOf(call)] ??= [0, 0, 0]);
        [1, call.time, call.time].forEach((more, i) => (sum[i] += more));
        if (call.stack.length > 1) {
            (sums[call.stack.slice(1).reverse().join(";")] ??= [0, 0, 0])[2] -= call.time;
        }
    }
    return sums;
}

test("stacks are those of the plainest way to count", () => {
    const random = numbers(11);
    for (let seed = 1; seed < 60; seed += 1) {
        const trace = randomTrace(seed);
        for (const range of [wholeOf(trace), ...ranges(trace, random)]) {
            const tree = atOnce(callTree(range));
            const expected = plainPaths(callsOf(range), ({ stack }) => [...stack].reverse().join(";"));
            assert.deepEqual(paths(tree), expected);
            for (let node = 0; node < tree.count; node += 1) {
                assert.equal(tree.find(tree.path(node)), node);
            }
        }
    }
});

test("the trees of a function begin with its total, and every level sums up to the one above", () => {
    for (let seed = 1; seed < 30; seed += 1) {
        const trace = randomTrace(seed);
        const tree = atOnce(callTree(wholeOf(trace)));
        for (const { function: of, total } of atOnce(statistics(trace, wholeOf(trace)))) {
            for (const own of [atOnce(calleesOf(tree, of)), atOnce(callersOf(tree, of))]) {
                assert.equal(own.total[ROOT], total);
                assert.equal(own.function[own.children(ROOT)[0]], of);
                for (let node = 1; node < own.count; node += 1) {
                    const below = own.children(node).reduce((sum, child) => sum + own.total[child], 0);
                    assert.equal(own.total[node], own.own[node] + below);
                }
            }
            const { callers, callees } = atOnce(neighbours(wholeOf(trace), of));
            const calls = atOnce(statistics(trace, wholeOf(trace))).find((row) => row.function === of).calls;
            assert.equal(
                callers.reduce((sum, entry) => sum + entry.calls, 0),
                calls,
            );
            for (const callee of callees) {
                const { callers: around } = atOnce(neighbours(wholeOf(trace), callee.function));
                const there = around.find((entry) => entry.function === of);
                assert.deepEqual([there.calls, there.total], [callee.calls, callee.total]);
            }
        }
    }
});

test("a tree that would grow too large puts its smallest branches together, and loses nothing", () => {
    const sum = (numbers) => numbers.reduce((all, number) => all + number, 0);
    let folded = 0;
    for (let seed = 1; seed < 60; seed += 1) {
        const trace = tasksTrace(seed);
        const exact = atOnce(callTree(wholeOf(trace)));
        const tree = atOnce(callTree(wholeOf(trace), new CallTree(16)));
        for (const column of ["calls", "own"]) {
            assert.equal(sum(tree[column].subarray(0, tree.count)), sum(exact[column].subarray(0, exact.count)));
        }
        assert.equal(tree.total[ROOT], exact.total[ROOT]);
        assert.equal(tree.rest > 0, tree.function.subarray(0, tree.count).includes(REST));
        folded += tree.rest > 0 ? 1 : 0;
        for (let node = 1; node < tree.count; node += 1) {
            assert.ok(tree.own[node] >= 0 && tree.parent[node] < node);
            assert.equal(tree.childOf(tree.parent[node], tree.function[node]), node);
            if (tree.function[node] !== REST) {
                assert.ok(tree.total[node] <= exact.total[exact.find(tree.path(node))]);
            }
        }
    }
    assert.ok(folded > 30, `${folded}`);
});

test("callers and callees of a recursive function", () => {
    const trace = drawn(["mmmmmmmm", "ffff ff ", " ff  g  ", " g      "]);
    const tree = atOnce(callTree(wholeOf(trace)));
    const [m, f, g] = [0, 1, 2];
    assert.deepEqual(paths(atOnce(calleesOf(tree, f))), {
        [f]: [2, 6, 3],
        [`${f};${f}`]: [1, 2, 1],
        [`${f};${f};${g}`]: [1, 1, 1],
        [`${f};${g}`]: [1, 1, 1],
    });
    assert.deepEqual(paths(atOnce(callersOf(tree, f))), { [f]: [2, 6, 0], [`${f};${m}`]: [2, 6, 6] });
    assert.deepEqual(atOnce(neighbours(wholeOf(trace), f)).callers, [
        { function: m, calls: 2, total: 6 },
        { function: f, calls: 1, total: 2 },
    ]);
});

test("work in slices pauses, reports its progress, and stops when aborted", async () => {
    function* slow() {
        for (let i = 0; i < 8; i += 1) {
            const end = performance.now() + 6;
            while (performance.now() < end);
            yield i / 8;
        }
        return "done";
    }
    const reported = [];
    let turns = 0;
    const ticker = setInterval(() => (turns += 1), 0);
    assert.equal(await inSlices(slow(), { progress: (done) => reported.push(done) }), "done");
    clearInterval(ticker);
    assert.ok(reported.length >= 3 && turns > 0, `${reported} ${turns}`);
    assert.deepEqual(reported, [...reported].sort());
    await assert.rejects(inSlices(slow(), { signal: AbortSignal.abort() }), Stopped);
});
