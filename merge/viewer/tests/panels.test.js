// What the panels show, as far as it needs no page.

import assert from "node:assert/strict";
import test from "node:test";
import { inLine, sections } from "../panels/arguments.js";
import { callees, flagWords, lastEnded, nextCall } from "../panels/call.js";
import { layout } from "../panels/flame.js";
import { find, matcher } from "../panels/matches.js";
import { choices, Scope } from "../panels/scope.js";
import { atOnce, Stopped } from "../statistics/slices.js";
import { callTree } from "../statistics/stacks.js";
import { ROOT } from "../statistics/tree.js";
import { wholeOf } from "../statistics/range.js";
import { selfTime, UNFINISHED } from "../data/model.js";
import { fileName } from "../export/download.js";
import { drawn, randomTrace } from "./drawn.js";

test("the calls that ended last, newest last", () => {
    const [track] = drawn(["mmmmmmmmmm", " ff gg hh ", " a     b  "]).tracks;
    track.flags[0] = UNFINISHED;
    const names = (most) => lastEnded(track, most).map((call) => [track.start[call], track.depth[call]]);
    assert.deepEqual(names(9), [[1, 2], [1, 1], [4, 1], [7, 2], [7, 1]]);
    assert.deepEqual(names(2), [[7, 2], [7, 1]]);
    assert.deepEqual(names(1), [[7, 1]]);
});

test("names are matched as text or as expressions, with or without case", () => {
    const found = (text, options) => ["Foo.bar", "foo[1]", "f.o"].filter(matcher(text, options).test);
    assert.deepEqual(found("foo"), ["Foo.bar", "foo[1]"]);
    assert.deepEqual(found("foo", { isCase: true }), ["foo[1]"]);
    assert.deepEqual(found("f.o"), ["f.o"]);
    assert.deepEqual(found("f.o", { isRegex: true }), ["Foo.bar", "foo[1]", "f.o"]);
    assert.deepEqual(found("^F", { isRegex: true, isCase: true }), ["Foo.bar"]);
    assert.deepEqual(found("[1]"), ["foo[1]"]);
});

test("what is no expression is said to be none", () => {
    for (const text of ["(", "[", "a{2,1}", "\\", "*", "(?<"]) {
        const { test: tests, problem } = matcher(text, { isRegex: true });
        assert.equal(tests, undefined);
        assert.match(problem, /^Invalid regular expression: .+\.$/);
        assert.ok(!problem.includes("SyntaxError"));
    }
});

test("a search finds every call, and goes through them in the order of time, there and back", () => {
    for (let seed = 1; seed < 60; seed += 1) {
        const trace = randomTrace(seed);
        const matches = atOnce(find(trace, (label) => /f[02]/.test(label)));
        const expected = trace.tracks.flatMap((track) =>
            [...track.function.keys()]
                .filter((call) => [0, 2].includes(track.function[call]))
                .map((call) => ({ track, call })),
        );
        expected.sort(
            (a, b) => a.track.start[a.call] - b.track.start[b.call] || a.track.index - b.track.index || a.call - b.call,
        );
        assert.equal(matches.count, expected.length);
        let [forth, back] = [
            { track: null, call: -1 },
            { track: null, call: -1 },
        ];
        for (const [index, hit] of expected.entries()) {
            forth = matches.after(forth.track, forth.call);
            back = matches.before(back.track, back.call);
            assert.deepEqual(where(forth), where(hit));
            assert.deepEqual(where(back), where(expected.at(-1 - index)));
            assert.equal(matches.indexOf(hit.track, hit.call), index);
        }
        assert.deepEqual(where(matches.after(forth.track, forth.call)), where(expected[0]));
        // From a call that is no hit, too.
        for (const track of trace.tracks) {
            for (let call = 0; call < track.count; call += 1) {
                const isLater = (hit) =>
                    (hit.track.start[hit.call] - track.start[call] ||
                        hit.track.index - track.index ||
                        hit.call - call) > 0;
                assert.deepEqual(where(matches.after(track, call)), where(expected.find(isLater) ?? expected[0]));
                assert.deepEqual(
                    where(nextCall(wholeOf(trace), track.function[call], { track, call })),
                    where(
                        atOnce(find(trace, (label) => label === trace.functions.label(track.function[call]))).after(
                            track,
                            call,
                        ),
                    ),
                );
            }
        }
    }
});

const where = (hit) => (hit ? [hit.track.index, hit.call] : null);

test("nothing is found where nothing is", () => {
    const trace = randomTrace(1);
    const matches = atOnce(find(trace, () => false));
    assert.deepEqual([matches.count, matches.after(null, -1), matches.before(trace.tracks[0], 0)], [0, null, null]);
    assert.equal(nextCall(wholeOf(trace), 99, null), null);
});

test("the next call of a function stays in the range", () => {
    const trace = drawn(["ff ff ff ff"]);
    const [track] = trace.tracks;
    const range = { from: 4, to: 8, tracks: [track] };
    const calls = [null, { track, call: 1 }, { track, call: 2 }].map((after) => nextCall(range, 0, after).call);
    assert.deepEqual(calls, [1, 2, 1]);
});

test("what a call called, and what is left to it", () => {
    const trace = drawn(["mmmmmmmmmm", " ff g ff  ", "  g       "]);
    const [track] = trace.tracks;
    assert.deepEqual(callees(track, 0), {
        own: 5,
        unknown: 0,
        callees: [
            { function: 1, calls: 2, total: 4, first: 1 },
            { function: 2, calls: 1, total: 1, first: 3 },
        ],
    });
    for (let seed = 1; seed < 20; seed += 1) {
        for (const other of randomTrace(seed).tracks) {
            for (let call = 0; call < other.count; call += 1) {
                assert.equal(callees(other, call).own, selfTime(other, call));
            }
        }
    }
});

test("flags in words", () => {
    assert.deepEqual(flagWords(0, { state: "sealed" }), []);
    assert.deepEqual(flagWords(1 | 8, { state: "crashed" }), [
        "had not returned when the process ended",
        "only a part of it is in the report",
    ]);
    assert.deepEqual(flagWords(2, { state: "living" }), ["an exception left it"]);
});

test("arguments, what was returned, and the rest", () => {
    const shown = sections(
        JSON.stringify({ func_args: { x: "</script>", n: 3 }, return_value: "None", cat: { a: [1] } }),
    );
    assert.deepEqual(shown, [
        ["arguments", "x = </script>\nn = 3"],
        ["returned", "None"],
        ["more", '{\n  "cat": {\n    "a": [\n      1\n    ]\n  }\n}'],
    ]);
    assert.deepEqual(sections("no JSON"), [["arguments", "no JSON"]]);
    assert.deepEqual(sections("null"), [["arguments", "null"]]);
    const lines = JSON.stringify({ func_args: { x: "a\nb", n: 3 }, return_value: "None" });
    assert.equal(inLine(lines), "x = a b, n = 3 → None");
    assert.equal(inLine(JSON.stringify({ cat: { a: [1] } })), '{"cat":{"a":[1]}}');
    assert.equal(inLine("no JSON"), "no JSON");
    assert.equal(inLine(JSON.stringify({ x: "y".repeat(999) })), `x = ${"y".repeat(196)} …`);
});

test("frames of a flame graph fill the ones around them, the widest first, down to what can be seen", () => {
    for (let seed = 1; seed < 40; seed += 1) {
        const tree = atOnce(callTree(wholeOf(randomTrace(seed))));
        for (let zoomed = 0; zoomed < tree.count; zoomed += 1) {
            const frames = layout(tree, zoomed, 800);
            const byNode = new Map(frames.map((frame) => [frame.node, frame]));
            assert.equal(byNode.size, frames.length);
            assert.deepEqual([byNode.get(zoomed).x, byNode.get(zoomed).width], [0, 800]);
            for (const { node, level, x, width } of frames.filter(({ node }) => node !== ROOT)) {
                const around = byNode.get(tree.parent[node]);
                assert.equal(level, around.level + 1);
                assert.ok(x >= around.x - 1e-6 && x + width <= around.x + around.width + 1e-6);
            }
        }
    }
    const tree = atOnce(callTree(wholeOf(drawn(["fggggh", " hhh  "]))));
    assert.deepEqual(
        layout(tree, ROOT, 60).map(({ level, x, width }) => [level, x, width]),
        [
            [0, 0, 60],
            [1, 0, 40],
            [1, 40, 10],
            [1, 50, 10],
            [2, 0, 30],
        ],
    );
});

test("a scope counts once for all who ask, and no longer when it changes", async () => {
    const trace = randomTrace(5);
    const scope = new Scope(trace);
    let changes = 0;
    scope.follow(() => (changes += 1));
    assert.equal(await scope.rows(() => {}), await scope.rows(() => {}));
    const before = scope.tree(() => {});
    scope.setRange(0, 3);
    await before.catch((error) => assert.ok(error instanceof Stopped));
    scope.setRange(0, 3);
    scope.setWhere("t0");
    assert.deepEqual(scope.range, { from: 0, to: 3, tracks: [trace.tracks[0]] });
    scope.setWhere("nonsense");
    scope.setRange(null, null);
    assert.deepEqual(scope.range, wholeOf(trace));
    assert.equal(changes, 4);
    assert.deepEqual(
        choices(trace).map(([value]) => value),
        ["", ...(trace.tracks.length > 1 ? trace.tracks.map(({ index }) => `t${index}`) : [])],
    );
});

test("names of files", () => {
    assert.deepEqual(["my trace.html", "../../etc/passwd", "", "réport-1.2.json", "..."].map(fileName), [
        "my_trace",
        "etc_passwd",
        "trace",
        "réport-1.2",
        "trace",
    ]);
});
