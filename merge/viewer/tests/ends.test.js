// How processes ended, and what is said of the calls that were open then.

import assert from "node:assert/strict";
import test from "node:test";
import { INHERITED, RAISED, UNFINISHED } from "../data/model.js";
import { durationText } from "../panels/calls.js";
import { abnormal } from "../panels/ends.js";
import { durationWords, openWords, parentWords } from "../timeline/unfinished.js";

const track = (duration, flags, tellsItsEnd = false) =>
    ({ duration: [duration], flags: [flags], process: { tellsItsEnd } });

test("a call that never ended took at least so long, or an unknown time", () => {
    assert.equal(durationWords(track(7802, UNFINISHED), 0), "at least 7.802 µs");
    assert.equal(durationWords(track(1, UNFINISHED), 0), "unknown", "it began with the last sign of life");
    assert.equal(durationWords(track(7802, UNFINISHED, true), 0), "7.802 µs", "the process has recorded its end");
    assert.equal(durationWords(track(1, RAISED), 0), "1 ns");
    assert.equal(openWords(track(1, UNFINISHED), 0), "open for an unknown time");
    assert.equal(openWords(track(2e6, UNFINISHED | INHERITED), 0), "open for at least 2.000 ms, from before the fork");
    assert.equal(durationText({ duration: 1, flags: UNFINISHED }), "unknown");
    assert.equal(durationText({ duration: 2000, flags: UNFINISHED }), "≥2.000 µs");
});

test("what the parent knew of the end", () => {
    assert.equal(parentWords({ waitedAfter: null }), "");
    assert.equal(parentWords({ waitedAfter: 0 }), "Its parent knew of the end 0 ns after the last sign of life.");
});

test("only processes that did not end normally are announced", () => {
    const processes = [{ isAbnormal: false }, { isAbnormal: true }];
    assert.deepEqual(abnormal({ processes }), [processes[1]]);
});
