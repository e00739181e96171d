// Hiding calls, against the plainest way to count over the recorded calls.

import assert from "node:assert/strict";
import test from "node:test";
import { hide, recordedCall, recordedTrace, shownCall } from "../data/hiding.js";
import { KINDS, kindsOf, kindsOfFile } from "../data/kinds.js";
import { afterSubtree, callers, endOf, Functions } from "../data/model.js";
import { unknownIn, unknownTime } from "../data/overwritten.js";
import { hiddenIn } from "../statistics/hidden.js";
import { neighbours } from "../statistics/neighbours.js";
import { wholeOf } from "../statistics/range.js";
import { atOnce } from "../statistics/slices.js";
import { callTree } from "../statistics/stacks.js";
import { statistics } from "../statistics/statistics.js";
import { placeOf } from "../panels/notes.js";
import { chromeJson } from "../export/json.js";
import { drawn, randomTrace, tasksTrace } from "./drawn.js";
import { numbers, sample } from "./sample.js";

const byFunction = (a, b) => a.function - b.function;
const sum = (all) => all.reduce((total, { time }) => total + time, 0);

/**
 * The recorded calls of a range: the function, the time in the range, and the functions around it, innermost first. A
 * call that ends where the range begins is in it if a call without duration is in both, unless that one is hidden.
 */
function recordedCalls({ tracks }, { from, to }, around, isHidden) {
    const overlaps = (track, call) =>
        track.start[call] < to && (track.start[call] >= from || endOf(track, call) > from);
    return tracks.flatMap((track) =>
        Array.from({ length: track.count }, (_, call) => {
            const counts = (at) => isHidden(track.function[call]) || !isHidden(track.function[at]);
            const isIn = [...track.start.keys()].some(
                (at) => overlaps(track, at) && counts(at) && (at === call || callers(track, at).includes(call)),
            );
            const time = Math.min(endOf(track, call), to) - Math.max(track.start[call], from);
            const stack = around(track, call).map((of) => (of.track ?? tracks[of.index]).function[of.call]);
            return { isIn, of: track.function[call], stack, time, flags: track.flags[call] };
        }).filter(({ isIn }) => isIn),
    );
}

/** The table of functions, if the hidden ones leave their time with their callers. */
function plainTable(recorded, isHidden) {
    const shown = recorded
        .filter(({ of }) => !isHidden(of))
        .map((call) => ({ ...call, stack: call.stack.filter((of) => !isHidden(of)) }));
    return [...new Set(shown.map(({ of }) => of))].sort((a, b) => a - b).map((of) => {
        const own = shown.filter((call) => call.of === of);
        const flagged = (flag) => own.filter(({ flags }) => flags & flag).length;
        return {
            function: of,
            calls: own.length,
            total: sum(own.filter(({ stack }) => !stack.includes(of))),
            own: sum(own) - sum(shown.filter(({ stack }) => stack[0] === of)),
            mean: Math.round(sum(own) / own.length),
            max: Math.max(...own.map(({ time }) => time)),
            raised: flagged(2),
            unfinished: flagged(1),
        };
    });
}

const onItsTrack = (track, call) => callers(track, call).map((outer) => ({ track, call: outer }));

/** Hides random functions of random traces, and calls `check` with each trace, range and table. */
function each(make, check) {
    const random = numbers(11);
    for (let seed = 1; seed < 80; seed += 1) {
        const trace = make(seed);
        const time = () => Math.floor(random() * (trace.duration + 2));
        const part = [time(), time()].sort((a, b) => a - b);
        const mask = Uint8Array.from({ length: trace.functions.count }, () => (random() < 0.4 ? 1 : 0));
        const isHidden = (of) => mask[of] === 1;
        for (const [from, to] of [[-Infinity, Infinity], part]) {
            hide(trace, null);
            const recorded = recordedCalls(trace, { from, to }, trace.around ?? onItsTrack, isHidden);
            hide(trace, mask);
            check(trace, { from, to, tracks: trace.tracks }, recorded, isHidden);
        }
    }
}

for (const [what, make] of [["threads", randomTrace], ["threads and tasks", tasksTrace]]) {
    test(`hidden functions leave their time with their callers, of ${what}`, () => {
        each(make, (trace, range, recorded, isHidden) => {
            const table = atOnce(statistics(trace, range)).map(({ idle, waiting, ...row }) => row);
            assert.deepEqual(table, plainTable(recorded, isHidden));
            const shown = recorded.filter(({ of }) => !isHidden(of));
            const tree = atOnce(callTree(range));
            const outermost = shown.filter(({ stack }) => stack.every(isHidden));
            assert.equal(tree.total[0], sum(outermost), "the width of the flame graph");
            const { calls, outside } = atOnce(
                hiddenIn({ ...range, tracks: recordedTrace(trace).tracks }, trace.hidden.functions),
            );
            const hidden = recorded.filter(({ of }) => isHidden(of));
            assert.equal(calls, hidden.length);
            const all = sum(recorded.filter(({ stack }) => stack.length === 0));
            assert.equal(outside, all - sum(outermost), "no time is lost");
            for (const of of new Set(shown.map((call) => call.of))) {
                const { callers: found } = atOnce(neighbours(range, of));
                const expected = {};
                for (const { stack } of shown.filter((call) => call.of === of)) {
                    const caller = stack.find((other) => !isHidden(other)) ?? -1;
                    expected[caller] = (expected[caller] ?? 0) + 1;
                }
                assert.deepEqual(Object.fromEntries(found.map((row) => [row.function, row.calls])), expected);
            }
        });
    });
}

test("the callees of a hidden call move up, and indices lead from recorded calls to shown ones and back", () => {
    const trace = drawn(["aaaaaaaa", " bbbbb  ", " cc dd  "]);
    const [track] = trace.tracks;
    track.args.set(2, "{}");
    track.flags[1] = 1;
    hide(trace, Uint8Array.of(0, 1, 0, 0));
    assert.deepEqual([track.count, track.maxDepth, [...track.depth], [...track.parent]], [3, 1, [0, 1, 1], [-1, 0, 0]]);
    assert.deepEqual([...track.start], [0, 1, 4]);
    assert.deepEqual([track.args.get(1), track.args.has(2), track.unfinished], ["{}", false, 0]);
    assert.equal(afterSubtree(track, 1), 2);
    assert.deepEqual([0, 1, 2].map((call) => recordedCall(track, call)), [0, 2, 3]);
    assert.deepEqual([0, 1, 2, 3, 4].map((call) => shownCall(track, call)), [0, 0, 1, 2, -1], "of b, its caller");
    assert.deepEqual([trace.hidden.calls, [...trace.hidden.byFunction]], [1, [0, 1, 0, 0]]);
    hide(trace, null);
    assert.deepEqual([track.count, [...track.depth], trace.hidden], [4, [0, 1, 2, 2], null]);
    assert.deepEqual([1, 2].map((call) => [recordedCall(track, call), shownCall(track, call)]), [[1, 1], [2, 2]]);
});

test("the calls below one whose begin could not be read stay at their depth", () => {
    const trace = drawn(["aaaa", " bb "]);
    const [track] = trace.tracks;
    track.parent[1] = -1;
    track.depth[1] = 3;
    hide(trace, Uint8Array.of(1, 0));
    assert.deepEqual([[...track.depth], [...track.parent]], [[3], [-1]]);
});

test("overwritten time in a hidden call is unknown time of its caller", () => {
    const trace = drawn(["aaaaaaaaaa", " bb cccc  "]);
    const [track] = trace.tracks;
    trace.functions.addOverwritten();
    track.unknown = [unknownTime([5, 7], trace.functions.overwritten, 0)];
    assert.deepEqual([0, 1, 2].map((call) => unknownIn(track, call)), [0, 0, 2]);
    hide(trace, Uint8Array.of(0, 0, 1, 0));
    assert.deepEqual([0, 1].map((call) => unknownIn(track, call)), [2, 0]);
    const [a, , unknown] = atOnce(statistics(trace, wholeOf(trace))).sort(byFunction);
    assert.deepEqual([a.own, unknown.own], [10 - 2 - 2, 2]);
});

test("files with all calls are written, also of a trace in which some are hidden", () => {
    const json = (trace) => atOnce(chromeJson(trace)).join("");
    const trace = sample({ calls: 300, tracks: 4 });
    const whole = json(trace);
    hide(trace, Uint8Array.from({ length: trace.functions.count }, (_, of) => of % 2));
    assert.ok(trace.hidden.calls > 0);
    assert.equal(json(recordedTrace(trace)), whole);
    const frames = trace.lastWords.flatMap(({ threads }) => threads.flatMap(({ track, frames: all }) =>
        all.map(({ call, function: of }) => [track.function[call], of])));
    assert.ok(frames.length > 0 && frames.every(([one, other]) => one === other && one % 2 === 0));
});

test("a note stays on its call, and is on the caller while the call is hidden", () => {
    const trace = randomTrace(5);
    const mask = Uint8Array.from({ length: trace.functions.count }, (_, of) => of % 2);
    hide(trace, mask);
    let moved = 0;
    for (const [index, track] of trace.tracks.entries()) {
        for (let call = 0; call < track.recorded.count; call += 1) {
            const place = placeOf(trace, `s${index}_${call}`);
            const way = [call, ...callers(track.recorded, call)];
            const shown = way.find((of) => mask[track.recorded.function[of]] === 0);
            assert.equal(place && recordedCall(track, place.call), shown ?? null);
            moved += place && shown !== call ? 1 : 0;
        }
        assert.equal(placeOf(trace, `s${index}_${track.recorded.count}`), null);
    }
    assert.ok(moved > 0);
});

test("paths tell the standard library, installed packages and frozen modules", () => {
    const { imports, library, installed } = KINDS;
    const paths = {
        "/usr/lib/python3.12/json/decoder.py": library,
        "/x/lib64/python3.13t/threading.py": library,
        "/usr/lib/python3.12/importlib/__init__.py": library | imports,
        "<frozen importlib._bootstrap>": library | imports,
        "<frozen os>": library | imports,
        "/v/lib/python3.12/site-packages/attr/_make.py": installed,
        "/usr/lib/python3/dist-packages/yaml/__init__.py": installed,
        "/x/python3.12/a.py": 0,
        "/x/lib/python3.x/a.py": 0,
        "/home/me/site-packages": 0,
        "/home/me/a.py": 0,
        "<string>": 0,
    };
    assert.deepEqual(Object.fromEntries(Object.keys(paths).map((path) => [path, kindsOfFile(path)])), paths);
    const names = ["f", "builtins.len", "_imp.is_frozen"];
    const functions = new Functions(names, Object.keys(paths), [10, -1, -1], [1, 0, 0]);
    functions.addOverwritten();
    functions.ofSpan("a span");
    assert.deepEqual([...kindsOf(functions)], [0, KINDS.c, KINDS.c | imports, 0, 0]);
});
