// The sample is a trace as model.js describes it.

import assert from "node:assert/strict";
import test from "node:test";
import { UNFINISHED, afterSubtree, callees, callers, endOf, firstFrom, flagNames, selfTime } from "../data/model.js";
import { sample } from "./sample.js";

test("the sample is a trace, always the same", () => {
    const [one, two] = [sample({ calls: 5001, tracks: 3 }), sample({ calls: 5001, tracks: 3 })];
    assert.deepEqual(one, two);
    assert.equal(one.tracks.reduce((sum, track) => sum + track.count, 0), 5001);
    for (const track of one.tracks) {
        for (let call = 1; call < track.count; call += 1) {
            assert.ok(track.start[call] >= track.start[call - 1]);
            const parent = track.parent[call];
            assert.equal(track.depth[call], parent < 0 ? 0 : track.depth[parent] + 1);
            assert.ok(parent < 0 || endOf(track, call) <= endOf(track, parent) || track.flags[parent] & UNFINISHED);
        }
    }
});

test("small questions", () => {
    const [track] = sample({ calls: 300, tracks: 1 }).tracks;
    const deepest = track.depth.indexOf(track.maxDepth);
    const around = callers(track, deepest);
    assert.equal(around.length, track.maxDepth);
    assert.ok(callees(track, around[0]).includes(deepest));
    assert.ok(around.every((caller) => afterSubtree(track, caller) > deepest));
    assert.equal(afterSubtree(track, deepest), deepest + 1);
    assert.equal(selfTime(track, deepest), track.duration[deepest]);
    assert.equal(firstFrom(track, track.start[deepest]), deepest);
    assert.equal(firstFrom(track, Infinity), track.count);
    assert.deepEqual(flagNames(3), ["unfinished", "raised"]);
});
