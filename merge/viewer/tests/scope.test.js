// The scope: all tracks, one, or several.

import assert from "node:assert/strict";
import test from "node:test";
import { Scope } from "../panels/scope.js";
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
