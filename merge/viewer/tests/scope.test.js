// The scope: all tracks, one, or several.

import assert from "node:assert/strict";
import test from "node:test";
import { Scope, choices } from "../panels/scope.js";
import { cutTrace } from "../export/cut.js";
import { folded } from "../export/folded.js";
import { atOnce } from "../statistics/slices.js";
import { statistics } from "../statistics/statistics.js";
import { sample } from "./sample.js";

test("several processes and threads are one scope, each track once", () => {
    const trace = sample({ calls: 40 });
    const scope = new Scope(trace);
    const tracksOf = (where) => {
        scope.setWhere(where);
        return scope.range.tracks.map(({ index }) => index).sort();
    };
    assert.deepEqual(tracksOf(""), [0, 1, 2, 3]);
    assert.deepEqual(tracksOf("p0"), [0, 2]);
    assert.deepEqual([tracksOf("p0.t2"), scope.where], [[0, 2], "p0.t2"]);
    assert.deepEqual(tracksOf("t0.t2"), [0, 2]);
    // The task runs on the thread 1. Unknown ones are left out.
    assert.deepEqual([tracksOf("t1.t3.x.t77"), scope.where], [[1, 3], "t1.t3"]);
    assert.deepEqual(tracksOf("p0.t1"), [0, 1, 2, 3]);
    assert.deepEqual([tracksOf("t3"), scope.where], [[3], "t3"]);
    assert.deepEqual([tracksOf("p9.t99.x"), scope.where], [[0, 1, 2, 3], ""]);
});

test("a task that is chosen with other threads counts on the threads on which it ran", () => {
    const trace = sample({ calls: 400 });
    const ofTask = trace.tracks[3];
    const own = (where) => {
        const scope = new Scope(trace);
        scope.setWhere(where);
        return atOnce(statistics(trace, scope.range)).reduce((sum, row) => sum + row.own, 0);
    };
    assert.ok(own("t3") > 0);
    assert.equal(own("t2.t3"), own("t2") + own("t3"));
    assert.equal(own("t1.t3"), own("t1"), "it ran there, and counts once");
    const text = (where) => {
        const scope = new Scope(trace);
        scope.setWhere(where);
        const lines = atOnce(folded(trace.functions, scope.range)).split("\n");
        return lines.filter((line) => line.includes("(5001)")).length;
    };
    assert.ok(text("t2.t3") > 0 && text("t2") === 0, `calls of ${ofTask.name} are below its thread`);
    const scope = new Scope(trace);
    scope.setWhere("t2.t3");
    const part = atOnce(cutTrace(trace, scope.partOf(trace)));
    assert.equal(part.tracks.find(({ kind }) => kind === "task").count, ofTask.count);
});

test("spans count if they are chosen by themselves", () => {
    const trace = sample({ calls: 400 });
    const span = { ...trace.tracks[0], index: 4, kind: "async", category: "", unknown: [] };
    trace.tracks.push(span);
    trace.processes[0].tracks.push(span);
    const scope = new Scope(trace);
    const indices = (where) => {
        scope.setWhere(where);
        return scope.range.tracks.map(({ index }) => index).sort();
    };
    assert.deepEqual(indices("p0"), [0, 2]);
    assert.deepEqual(indices("t3.t4"), [3, 4]);
    assert.deepEqual(indices("p0.t4"), [0, 2, 4]);
});

test("tracks of one name are told apart by numbers, and no task has a number that its program does not know", () => {
    const process = { index: 0, label: "web", pid: 7 };
    const spans = { kind: "async", name: "request", tid: 0, category: "db" };
    const task = { kind: "task", name: "req-46", tid: 16777264 };
    const tracks = [spans, spans, task, { kind: "thread", name: "main", tid: 7 }]
        .map((track, index) => ({ ...track, index, process }));
    process.tracks = tracks;
    assert.deepEqual(choices({ processes: [process], tracks }).map(([, text]) => text.trim()), [
        "all processes and threads", "request (spans of db) 1", "request (spans of db) 2", "req-46 (task)",
        "main (thread 7)",
    ]);
});
