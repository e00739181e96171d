// Notes: what they are on, and how the address keeps them.

import assert from "node:assert/strict";
import test from "node:test";
import { LONGEST, MOST, notesOf, placeOf, placeWords } from "../panels/notes.js";
import { fromHash, toHash } from "../state.js";
import { sample } from "./sample.js";

test("the address keeps notes with any text", () => {
    const notes = [["s0_1", "<b>&#=+% ü"], ["r5_5", "x"]];
    assert.deepEqual(fromHash(`#${toHash({ notes })}`).notes, notes);
    assert.equal(toHash({ notes: [] }), "");
    assert.equal(fromHash("#N=[nonsense").notes, undefined);
});

test("notes are bounded, and what is none is left out", () => {
    assert.deepEqual(notesOf("nonsense"), []);
    assert.deepEqual(notesOf([1, ["a"], ["s0_1", 5], ["s0_1", "x"]]), [{ at: "s0_1", text: "x" }]);
    const long = notesOf(Array.from({ length: 99 }, () => ["s0_1", "x".repeat(999)]));
    assert.deepEqual([long.length, long[0].text.length], [MOST, LONGEST]);
});

test("a note is on a call, a point, a moment or a range", () => {
    const trace = sample({ calls: 100, tracks: 2 });
    const track = trace.tracks[0];
    const call = placeOf(trace, "s0_2");
    assert.deepEqual([call.track, call.call, call.from], [track, 2, track.start[2]]);
    assert.match(placeWords(trace, call), / at /);
    assert.equal(placeOf(trace, "mt0_0").from, track.instants[0].time);
    assert.deepEqual(placeOf(trace, "r10_20"), { from: 10, to: 20 });
    assert.equal(placeWords(trace, { from: 10, to: 20 }), "10 ns to 20 ns");
    assert.equal(placeWords(trace, { from: 10, to: 10 }), "at 10 ns");
    for (const none of ["s9_1", "s0_999999", "mt9_9", "r1", "x1_2", "", "R10_20"]) {
        assert.equal(placeOf(trace, none), null, none);
    }
    assert.deepEqual(placeOf({ ...trace, areTogether: true }, "R10_20"), { from: 10, to: 20 });
});
