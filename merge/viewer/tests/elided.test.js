// What the page says of functions that were called too often to record all their calls.

import assert from "node:assert/strict";
import test from "node:test";
import { Decoder } from "../data/decode.js";
import { elidedIn } from "../data/elided.js";
import { atLeast, listed, notesOfCall, notesOfTable } from "../panels/elided.js";
import { callsText, columns } from "../panels/range.js";
import { wholeOf } from "../statistics/range.js";
import { drawn } from "./drawn.js";
import { encoded } from "./encode.js";

/** `m` calls `f`, which calls `g`, and `f` again; from 5 ns on `f` is not recorded, from 7 ns on no C calls by `m`. */
function hot(elided = undefined) {
    const { header, blocks } = encoded(drawn(["mmmmmmmmmm", " ff f     ", " g        "]), 100);
    const place = { file: "/x/a.py", line: 2 };
    const known = elided ?? [
        { name: "f1", ...place, ts: 0.005, only_c_calls: false },
        { name: "f0", ...place, line: 1, ts: 0.007, only_c_calls: true },
        { name: "never called", file: "", line: 0, ts: 0.001, only_c_calls: false },
    ];
    header.metadata = JSON.stringify({ processes: [{ elided: known }] });
    const decoder = new Decoder(header);
    blocks.forEach(([process, bytes]) => decoder.add(process, bytes));
    return decoder.finish();
}

test("functions are found by their names, and times are those of the page", () => {
    const [{ elided }] = hot().processes;
    assert.deepEqual(elided, [
        { function: 1, name: "f1", since: 5, onlyCCalls: false, about: null },
        { function: 0, name: "f0", since: 7, onlyCCalls: true, about: null },
        { function: -1, name: "never called", since: 1, onlyCCalls: false, about: null },
    ]);
    assert.deepEqual(drawn(["m"]).processes[0].elided, undefined);
});

test("what a header says of them is not believed blindly", () => {
    for (const bad of [5, {}, [null, 7, {}, { name: 5, ts: "x" }], "text"]) {
        const trace = hot(bad);
        elidedIn(wholeOf(trace));
        notesOfCall(trace.tracks[0], 0);
    }
});

test("only ranges after that are affected", () => {
    const trace = hot();
    assert.deepEqual(elidedIn(wholeOf(trace)), {
        calls: new Set([1]), names: ["f1", "never called"], cCalls: new Set([1, 0]),
        callers: ["f1", "never called", "f0"], abouts: [], inBursts: false, isLeast: true,
    });
    const early = elidedIn({ from: 0, to: 5, tracks: trace.tracks });
    assert.deepEqual([early.calls, early.names], [new Set(), ["never called"]]);
    assert.deepEqual(elidedIn({ from: 0, to: 1, tracks: trace.tracks }).callers, []);
    assert.deepEqual(elidedIn({ from: 0, to: 9, tracks: [] }).callers, []);
});

test("in bursts, numbers of all functions are the least that there can be", () => {
    const { header, blocks } = encoded(drawn(["mm", " f"]), 100);
    const traceOf = (bursts) => {
        const decoder = new Decoder({ ...header, metadata: JSON.stringify({ processes: [{ bursts }] }) });
        blocks.forEach(([process, bytes]) => decoder.add(process, bytes));
        return decoder.finish();
    };
    const elided = elidedIn(wholeOf(traceOf(3)));
    assert.deepEqual([elided.calls.has(1), elided.cCalls.has(0), elided.isLeast], [true, true, true]);
    assert.deepEqual(notesOfTable(elided).map((note) => note.slice(0, 35)), ["≥: calls are recorded in bursts onl"]);
    for (const none of [0, undefined, "many", null, {}]) {
        assert.equal(elidedIn(wholeOf(traceOf(none))).isLeast, false);
    }
});

test("a note says about how many calls are not recorded, unless that is known too badly", () => {
    const one = (calls, error) => ({
        name: "f1", file: "/x/a.py", line: 2, ts: 0, only_c_calls: false, calls_about: calls, calls_error: error,
    });
    const note = (...elided) => notesOfTable(elidedIn(wholeOf(hot(elided)))).at(-1);
    assert.equal(
        note(one(1234567, 100001)),
        "In the whole recording, calls of these are not recorded: f1 about 1,230,000 ±9%.",
    );
    assert.match(note(one(5, 5)), /^C functions that/);
    assert.match(note(one("x", null)), /^C functions that/);
});

test("a table marks their numbers, and says below what is not recorded", () => {
    const { functions } = hot();
    const show = (key, row) => columns(functions, {}).find((column) => column.key === key).show(row);
    const row = { function: 1, calls: 1234, total: 5000, own: 5000 };
    assert.equal(callsText({ ...row, elided: true }), "≥1,234");
    assert.equal(show("total", { ...row, elided: true }), `≥${show("total", { ...row, elided: false })}`);
    assert.equal(callsText({ ...row, elided: false }), "1,234");
    assert.equal(show("own", { ...row, elided: true }), show("own", row));
    const notes = notesOfTable({ names: ["fib"], callers: ["fib", "total"] });
    assert.match(notes[0], /^≥: called too often to record all calls \(--max_overhead\): fib\. The time of calls that/);
    assert.match(notes[1], /^C functions that fib, total call may not all be recorded; their time is self time of/);
    assert.match(notesOfTable({ names: [], callers: ["fib"] })[0], /^C functions that fib calls may not all/);
    assert.deepEqual(notesOfTable({ names: [], callers: [] }), []);
    assert.deepEqual([atLeast(true, "3"), atLeast(false, "3")], ["≥3", "3"]);
    assert.equal(listed(["a", "b", "c"], 2), "a, b and 1 other");
    assert.equal(listed(["a", "b", "c", "d"], 2), "a, b and 2 others");
});

test("a selected call says it of its function and of its self time", () => {
    const [track] = hot().tracks;
    const calls = [...track.function.keys()].map((call) => notesOfCall(track, call));
    const [m, f, g] = calls;
    assert.deepEqual(m, [
        "from 7 ns on, C functions that it calls may not all be recorded (--max_overhead)",
        "its self time may contain calls that are not recorded (--max_overhead): of f1, never called, and of C functions",
    ]);
    assert.equal(f[0], "from 5 ns on, not all calls of this function are recorded (--max_overhead)");
    assert.deepEqual(g, [
        "its self time may contain calls that are not recorded (--max_overhead): of never called, and of C functions",
    ]);
    assert.deepEqual(notesOfCall(drawn(["mm"]).tracks[0], 0), []);
});
