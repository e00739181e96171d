// Levels of detail: nothing is lost at the bottom, and above it the longest call of each bucket stays.

import assert from "node:assert/strict";
import test from "node:test";
import { Levels, firstAfter, firstFrom, meetingShift } from "../data/levels.js";
import { selfTime } from "../data/model.js";
import { sample } from "./sample.js";

function built(options) {
    return sample(options).tracks.map((track) => {
        const levels = new Levels(track);
        assert.ok(levels.work(Infinity));
        return levels;
    });
}

/** What a level must hold, found the slow way. */
function longestPerBucket({ start, duration }, calls, shift) {
    const best = new Map();
    for (const call of calls) {
        const bucket = Math.floor(start[call] / 2 ** shift);
        if (!best.has(bucket) || duration[call] > duration[best.get(bucket)]) {
            best.set(bucket, call);
        }
    }
    return [...best.values()];
}

test("the bottom has every call of its depth once, in order", () => {
    for (const { lanes, track } of built({ calls: 20000, tracks: 3 })) {
        assert.equal(lanes.reduce((sum, { levels }) => sum + levels[0].calls.length, 0), track.count);
        lanes.forEach(({ levels }, depth) => levels[0].calls.forEach((call, at, all) => {
            assert.equal(track.depth[call], depth);
            assert.ok(at === 0 || all[at - 1] < call);
        }));
    }
});

test("a level has the longest call of each bucket, and half as many as the one below", () => {
    let made = 0;
    for (const { lanes, track } of built({ calls: 50000, tracks: 2 })) {
        for (const { levels } of lanes) {
            for (let i = 1; i < levels.length; i += 1) {
                made += 1;
                const { shift, calls } = levels[i];
                assert.deepEqual([...calls], longestPerBucket(track, levels[0].calls, shift));
                assert.ok(calls.length * 2 <= levels[i - 1].calls.length);
            }
        }
    }
    assert.ok(made > 50);
});

test("a level is never coarser than a pixel", () => {
    const [levels] = built({ calls: 50000, tracks: 1 });
    const depth = 10;
    for (const width of [0.01, 1, 3, 1000, 1e5, 1e9]) {
        const calls = levels.calls(depth, width);
        const level = levels.lanes[depth].levels.find((one) => one.calls === calls);
        assert.ok(level.shift === 0 || 2 ** level.shift <= width);
    }
    assert.equal(levels.calls(depth, 0.01), levels.lanes[depth].levels[0].calls);
    assert.ok(levels.calls(depth, 1e9).length < 200);
});

test("building stops at the deadline and goes on where it was", () => {
    const [track] = sample({ calls: 300000, tracks: 1 }).tracks;
    const levels = new Levels(track);
    assert.equal(levels.work(performance.now() - 1), false);
    let turns = 0;
    while (!levels.work(performance.now() + 0.01)) {
        turns += 1;
    }
    assert.ok(turns > 0);
    assert.equal(levels.lanes.length, track.maxDepth + 1);
});

test("the call that covers a time", () => {
    const [levels] = built({ calls: 3000, tracks: 1 });
    const { track } = levels;
    for (let call = 1; call < track.count; call += 7) {
        const middle = track.start[call] + track.duration[call] / 2;
        assert.equal(levels.covering(track.depth[call], middle), call);
    }
    assert.equal(levels.covering(0, -5), -1);
    assert.equal(levels.covering(99, 5), -1);
});

test("self time is the model's", () => {
    const [levels] = built({ calls: 3000, tracks: 1 });
    for (let call = 1; call < levels.track.count; call += 11) {
        assert.equal(levels.selfTime(call), selfTime(levels.track, call));
    }
});

test("a track without calls is ready at once", () => {
    const [track] = sample({ calls: 0, tracks: 1 }).tracks;
    const levels = new Levels(track);
    assert.ok(levels.ready);
    assert.equal(levels.covering(0, 1), -1);
});

test("the width at which two begins meet", () => {
    const far = [[2 ** 32 - 1, 2 ** 32], [2 ** 40, 2 ** 40 + 3], [5, 2 ** 52]];
    for (const [one, other] of [[0, 0], [0, 1], [2, 3], [7, 8], ...far]) {
        const shift = meetingShift(one, other);
        const meet = (width) => Math.floor(one / 2 ** width) === Math.floor(other / 2 ** width);
        assert.ok(meet(shift), `${one} ${other}`);
        assert.ok(shift === 0 || !meet(shift - 1), `${one} ${other}`);
    }
});

test("places by time", () => {
    const start = Float64Array.of(10, 20, 20, 30);
    const calls = Uint32Array.of(0, 1, 2, 3);
    assert.deepEqual([5, 10, 20, 21, 31].map((time) => firstFrom(calls, start, time)), [0, 0, 1, 3, 4]);
    assert.deepEqual([5, 10, 20, 21, 31].map((time) => firstAfter(calls, start, time)), [0, 1, 3, 3, 4]);
});
