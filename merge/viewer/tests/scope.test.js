// The scope: all tracks, one, or several.

import assert from "node:assert/strict";
import test from "node:test";
import { Scope, choices } from "../panels/scope.js";
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
    // The task runs on the thread 1. Of several, tasks by themselves and unknown ones are left out.
    assert.deepEqual([tracksOf("t1.t3"), scope.where], [[1, 3], "t1"]);
    assert.deepEqual(tracksOf("p0.t1"), [0, 1, 2, 3]);
    assert.deepEqual([tracksOf("t3"), scope.where], [[3], "t3"]);
    assert.deepEqual([tracksOf("p9.t99.x"), scope.where], [[0, 1, 2, 3], ""]);
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
