// The bounds of a range: to what they snap, what can be typed, and the handles of the view on the minimap.

import assert from "node:assert/strict";
import test from "node:test";
import { Levels } from "../data/levels.js";
import { gripAt } from "../timeline/minimap.js";
import { localClock, wallClock } from "../timeline/ruler.js";
import { nextEdge, snapped } from "../timeline/snap.js";
import { timeIn, typedText } from "../timeline/typed.js";
import { View } from "../timeline/view.js";
import { drawn } from "./drawn.js";

/** A row with all levels of a track as drawn, of 100 ns per character. */
function placedAs(lines, { skipped = 0, lanes = 9 } = {}) {
    const [track] = drawn(lines).tracks;
    for (const times of [track.start, track.duration]) {
        times.forEach((time, call) => (times[call] = time * 100));
    }
    const levels = new Levels(track);
    levels.work(Infinity);
    return [[{ row: { track, skipped, lanes } }], () => levels];
}

/** A view of a nanosecond per pixel. */
function viewOf(duration) {
    const view = new View(duration);
    view.width = duration;
    view.show(0, duration);
    return view;
}

test("a time snaps to the nearest begin or end of a call in view, and only to a near one", () => {
    const [placed, levelsOf] = placedAs(["ffff  gggg", " hh       "]);
    const snap = (time) => snapped(placed, viewOf(1000), levelsOf, time);
    assert.deepEqual([3, 396, 405, 595, 104, 297].map(snap), [0, 400, 400, 600, 100, 300]);
    assert.deepEqual([10, 50, 200, 450].map(snap), [10, 50, 200, 450]);
    const [flat] = placedAs(["ffff  gggg", " hh       "], { lanes: 1 });
    assert.equal(snapped(flat, viewOf(1000), levelsOf, 104), 104);
});

test("a time does not snap to calls that are too narrow to see", () => {
    const [placed, levelsOf] = placedAs(["f         "]);
    const view = viewOf(1000);
    view.width = 20;
    assert.equal(snapped(placed, view, levelsOf, 130), 130);
    view.width = 40;
    assert.equal(snapped(placed, view, levelsOf, 130), 100);
});

test("the next edge before or after a time", () => {
    const [placed, levelsOf] = placedAs(["ffff  gggg", " hh       "]);
    const way = (time, by) => {
        const found = [];
        for (let at = nextEdge(placed, levelsOf, time, by); at !== null; at = nextEdge(placed, levelsOf, at, by)) {
            found.push(at);
        }
        return found;
    };
    const edges = [0, 100, 300, 400, 600, 1000];
    assert.deepEqual(way(-1, 1), edges);
    assert.deepEqual(way(1001, -1), edges.toReversed());
    assert.deepEqual(way(350, 1), [400, 600, 1000]);
    assert.deepEqual(way(350, -1), [300, 100, 0]);
});

test("times are typed with units", () => {
    const texts = ["0", "12.5ms", "12.5 ms", "1 min 16 s", "1,234 ns", "3us", "3 µs", "1h30min", " 2 s ", "0.3 ns"];
    const times = [0, 12.5e6, 12.5e6, 76e9, 1234, 3000, 3000, 5400e9, 2e9, 0];
    assert.deepEqual(texts.map((text) => timeIn(text, null)), times);
    for (const text of ["", "12", "ms", "-3 ms", "1.2.3 s", "3 parsecs", "12:00", "1e3 ns", "__proto__"]) {
        assert.equal(timeIn(text, null), null, text);
    }
});

test("times are typed by the wall clock, with or without the date", () => {
    const base = 1_700_000_000_123_456_789n;
    const minute = localClock(base, 60e9);
    assert.equal(timeIn(`${minute}789`, base), 60e9);
    assert.equal(timeIn(wallClock(base, 60e9), base), 60e9 - 789, "with its zone, as it is shown");
    assert.equal(timeIn(`${minute} UTC+23`, base), null);
    assert.equal(timeIn(minute.slice(11), base), 60e9 - 789);
    // A time before that of the zero is one of the next day.
    const before = timeIn(localClock(base, -60e9).slice(11), base);
    assert.ok(Math.abs(before - (86400e9 - 60e9)) < 1000, `${before}`);
    assert.equal(timeIn("25:00", null), null);
});

test("what is shown can be typed", () => {
    const base = 1_700_000_000_123_456_789n;
    for (const time of [0, 7, 999, 1000, 1234, 12.5e6, 116_812_345, 1e9, 76_123_456_789, 5400e9, 2 ** 50]) {
        assert.equal(timeIn(typedText(time, null), null), time, typedText(time, null));
        assert.equal(timeIn(typedText(time, base), base), time);
    }
    assert.deepEqual([0, 12.5e6, 1e9].map((time) => typedText(time, null)), ["0 ns", "12.5 ms", "1 s"]);
});

test("a pointer takes hold of an edge of the visible part, or of the part", () => {
    const view = { from: 100, to: 300, duration: 1000 };
    assert.deepEqual(gripAt(view, 104, 6).move(154), [150, 300]);
    assert.deepEqual(gripAt(view, 296, 6).move(396), [100, 400]);
    assert.deepEqual(gripAt(view, 200, 6).move(250), [150, 350]);
    assert.deepEqual(gripAt(view, 700, 6).move(700), [600, 800]);
    // The edge passes the other one, and stays in the trace.
    assert.deepEqual(gripAt(view, 100, 6).move(500), [300, 500]);
    assert.deepEqual(gripAt(view, 300, 6).move(2000), [100, 1000]);
    // The margins of a view of the whole trace are not on the minimap.
    assert.deepEqual(gripAt({ from: -20, to: 1020, duration: 1000 }, 2, 6).move(102), [100, 1020]);
    // A very narrow part can be moved.
    assert.equal(gripAt({ from: 100, to: 105, duration: 1000 }, 101, 6).isEdge, false);
});
