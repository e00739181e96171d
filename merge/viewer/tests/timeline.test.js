// The timeline's pure parts: rows, view, ruler, colours, hits, ways from call to call, the hash.

import assert from "node:assert/strict";
import test from "node:test";
import { Levels } from "../data/levels.js";
import { Functions, INHERITED, UNFINISHED } from "../data/model.js";
import { fromHash, toHash } from "../state.js";
import { Colors, contrast, hash, pixelOf, rgbOf } from "../timeline/colors.js";
import { greatestOf, numberText, valueAt } from "../timeline/counters.js";
import { hitAt } from "../timeline/hit.js";
import { inheritedLevels } from "../timeline/inherited.js";
import { wheelFactor } from "../timeline/input.js";
import { cut } from "../timeline/labels.js";
import { LANE, arrangement, laneOf, layOut, moved, visible } from "../timeline/layout.js";
import { profile } from "../timeline/minimap.js";
import { areSiblings, wordsOf } from "../timeline/names.js";
import { drawFlows, rectangleOf } from "../timeline/overlay.js";
import { beside, pointFrom, pointOf, pointText } from "../timeline/points.js";
import {
    apartFrom, clockLine, exactText, lineText, lines, momentText, stepFor, timeText, wallClock, zoneText,
} from "../timeline/ruler.js";
import { Strips } from "../timeline/strips.js";
import { about } from "../timeline/tooltip.js";
import { View } from "../timeline/view.js";
import { firstCall, neighbour } from "../timeline/walk.js";
import { sample } from "./sample.js";

const ids = (rows) => rows.map(({ id }) => id);

function levelsFor(trace) {
    const known = new Map(trace.tracks.map((track) => [track, new Levels(track)]));
    known.forEach((levels) => levels.work(Infinity));
    return (track) => known.get(track);
}

test("rows are grouped by process and lie below each other", () => {
    const layout = layOut(sample({ tracks: 5 }), arrangement());
    assert.deepEqual(ids(layout.rows), ["p0", "c0", "t0", "t2", "t4", "p1", "t1", "t3"]);
    layout.rows.reduce((y, row) => {
        assert.equal(row.y, y);
        return y + row.height;
    }, 0);
    const first = layout.rows[2];
    assert.equal(first.lanes, first.track.maxDepth + 1);
    assert.ok(first.height > first.lanes * LANE);
});

test("rows of spans of one name are a group, which is folded if the trace is higher than the screen", () => {
    const trace = sample({ tracks: 5 });
    for (const track of trace.tracks.slice(2)) {
        Object.assign(track, { kind: "async", name: "request", category: "http", beside: [track.index - 1, 3] });
        Object.assign(track, { process: trace.processes[0], parts: undefined });
    }
    trace.processes[0].tracks = trace.tracks.filter(({ index }) => index !== 1);
    trace.processes[1].tracks = [trace.tracks[1]];
    const arranged = arrangement();
    const rows = (screen) => layOut(trace, arranged, Infinity, screen).rows.filter(({ kind }) => kind === "track");
    assert.deepEqual(ids(rows(Infinity)), ["t0", "t2", "t3", "t4", "t1"]);
    assert.deepEqual(rows(Infinity).map((row) => wordsOf(row).name).slice(1, 4), [
        "request", "request 2 of 3", "request 3 of 3",
    ]);
    assert.deepEqual(ids(rows(50)), ["t0", "t2", "t1"]);
    const [, first] = rows(50);
    assert.deepEqual([first.folds.map(({ index }) => index), wordsOf(first).number], [[3, 4], "async http 3 rows"]);
    arranged.pinned.add("t4");
    assert.deepEqual(ids(layOut(trace, arranged, Infinity, 50).pinned), ["t4"]);
    arranged.pinned.clear();
    arranged.unfolded.add("t2");
    assert.deepEqual(ids(rows(50)), ["t0", "t2", "t3", "t4", "t1"]);
});

test("collapse, pin, hide", () => {
    const trace = sample({ tracks: 5 });
    const [collapsed, pinned, hidden] = [["p0", "t1"], ["t2"], ["t3"]].map((list) => new Set(list));
    const arranged = { ...arrangement(), collapsed, pinned, hidden };
    const layout = layOut(trace, arranged);
    assert.deepEqual(ids(layout.pinned), ["t2"]);
    assert.deepEqual(ids(layout.rows), ["p0", "p1", "t1"]);
    assert.equal(layout.rows[2].lanes, 1);
    assert.equal(layout.pinnedHeight, layout.pinned[0].height);
    assert.equal(layout.hidden, 1);
    const cut = layOut(trace, arranged, 100);
    assert.deepEqual(ids(cut.pinned), ["t2"]);
    assert.ok(cut.pinnedHeight <= 100 && cut.pinned[0].lanes < layout.pinned[0].lanes);
    const crowded = layOut(trace, arranged, 10);
    assert.deepEqual([ids(crowded.pinned), ids(crowded.rows)], [[], ["t2", "p0", "p1", "t1"]]);
});

test("where the screen is too small, deep tracks show their first levels until they are unfolded", () => {
    const trace = sample({ tracks: 5 });
    trace.tracks[0].maxDepth = 40;
    trace.tracks[1].maxDepth = 9;
    const lanes = (unfolded, screen) => {
        const arranged = { ...arrangement(), unfolded: new Set(unfolded) };
        const { rows } = layOut(trace, arranged, Infinity, screen);
        return rows.filter(({ id }) => ["t0", "t1"].includes(id)).map((row) => [row.lanes, row.folded, row.unfolded]);
    };
    assert.deepEqual(lanes([], 5000), [[41, 0, false], [10, 0, false]]);
    assert.deepEqual(lanes([], 500), [[8, 33, false], [10, 0, false]]);
    assert.deepEqual(lanes(["t0"], 500), [[41, 0, true], [10, 0, false]]);
    const alone = { ...trace, tracks: trace.tracks.slice(0, 1) };
    assert.equal(layOut(alone, arrangement(), Infinity, 500).rows.find(({ id }) => id === "t0").lanes, 41);
});

test("the filter looks at processes, names and numbers", () => {
    const trace = sample({ tracks: 5 });
    const filtered = (filter) => ids(layOut(trace, { ...arrangement(), filter }).rows);
    assert.deepEqual(filtered("thread-3"), ["p1", "t3"]);
    assert.deepEqual(filtered(" MEMORY "), ["p0", "c0"]);
    assert.deepEqual(filtered("4712"), ["p1", "t1", "t3"]);
    assert.deepEqual(filtered("nothing"), []);
});

test("moved rows swap their indices with each other only", () => {
    const trace = sample({ tracks: 5 });
    const order = moved(["c0", "t0", "t2", "t4"], [], "t4", "c0");
    const laid = (changed) => ids(layOut(trace, { ...arrangement(), order: changed }).rows);
    assert.deepEqual(laid(order), ["p0", "t4", "c0", "t0", "t2", "p1", "t1", "t3"]);
    const more = moved(["p0", "p1"], order, "p0", null);
    assert.deepEqual(laid(more), ["p1", "t1", "t3", "p0", "t4", "c0", "t0", "t2"]);
    const { rows } = layOut(trace, arrangement());
    assert.ok(areSiblings(rows[1], rows[2]) && areSiblings(rows[0], rows[5]));
    assert.ok(!areSiblings(rows[0], rows[1]) && !areSiblings(rows[4], rows[6]));
});

test("only rows in sight are looked at", () => {
    const { rows } = layOut(sample({ tracks: 5 }), arrangement());
    const slow = (from, to) => rows.filter((row) => row.y + row.height > from && row.y < to);
    for (const [from, to] of [[0, 1], [0, 1e9], [29, 31], [300, 301], [1e9, 2e9], [-5, 0]]) {
        assert.deepEqual(ids(visible(rows, from, to)), ids(slow(from, to)));
    }
});

test("zooming keeps the time under the pointer", () => {
    const view = new View(1e9);
    view.width = 1000;
    for (const factor of [2, 10, 100, 0.5, 3]) {
        const before = view.timeAt(400);
        view.zoomAt(400, factor);
        assert.ok(Math.abs(view.timeAt(400) - before) < view.scale * 1e-3);
    }
});

test("the view stays within the trace and above some nanoseconds", () => {
    const view = new View(1e9);
    view.width = 1000;
    view.pan(1e9);
    assert.ok(view.to <= 1.02e9 + 1 && view.from < view.to);
    for (let i = 0; i < 200; i += 1) {
        view.zoomAt(10, 2);
    }
    assert.ok(Math.abs(view.to - view.from - 20) < 1e-3);
    for (let i = 0; i < 200; i += 1) {
        view.zoomAt(900, 0.5);
    }
    assert.deepEqual([Math.round(view.from), Math.round(view.to)], [-2e7, 1.02e9]);
    view.show(5e8, 1e30);
    assert.deepEqual([Math.round(view.from), Math.round(view.to)], [-2e7, 1.02e9]);
});

test("reveal moves no more than it must", () => {
    const view = new View(1e9);
    view.width = 1000;
    view.show(1e8, 2e8);
    view.reveal(1.2e8, 1.3e8);
    assert.deepEqual([view.from, view.to], [1e8, 2e8]);
    view.reveal(5e8, 5.1e8);
    assert.ok(view.from < 5e8 && view.to > 5.1e8);
    assert.ok(Math.abs(view.to - view.from - 1e8) < 1);
    view.reveal(7e8, 7e8 + 100);
    assert.ok(view.from < 7e8 && view.to > 7e8 + 100 && view.to - view.from < 1e5);
    const wide = new View(1e9);
    wide.width = 1000;
    wide.show(4e8, 4.001e8);
    wide.reveal(3e8, 9e8);
    assert.ok(wide.to > 4e8 && wide.from < 9e8);
});

test("a search keeps the zoom where its hit can be seen, and puts it into the middle", () => {
    const view = new View(1e9);
    view.width = 1000;
    view.show(1e8, 2e8);
    view.reveal(1.8e8, 1.8e8 + 1e5, true);
    assert.ok(Math.abs((view.from + view.to) / 2 - 1.8005e8) < 1 && Math.abs(view.to - view.from - 1e8) < 1);
    view.reveal(3e8, 7e8, true);
    assert.ok(view.from < 3e8 && view.to > 3e8 && Math.abs(view.to - view.from - 1e8) < 1, "the begin of a long one");
    view.reveal(5e8, 5e8 + 9e4, true);
    assert.ok(view.scale <= 9e4, "less than a pixel cannot be seen");
    view.revealTime(5e8);
    assert.ok(view.scale <= 9e4 && view.from < 5e8 && view.to > 5e8);
});

test("points are gone through in their row, and written into the hash", () => {
    const trace = sample();
    const [track] = trace.tracks;
    track.instants = ["a", "b", "a"].map((name, i) => ({ time: 10 * i, kind: "instant", name, args: null }));
    const first = { track, at: 0 };
    assert.equal(beside(first, 1).at, 1);
    assert.equal(beside(first, 1, true).at, 2);
    assert.equal(beside(first, -1), null);
    assert.deepEqual(pointFrom({ track }, 11), { track, at: 2 });
    assert.deepEqual(pointFrom({ track }, 99), { track, at: 2 });
    const [counter] = trace.counters;
    for (const point of [first, { counter, at: 19 }, { track, gap: track.gap }]) {
        assert.deepEqual(pointOf(trace, pointText(trace, point)), point);
    }
    for (const bad of ["t0_3", "c0_20", "c1_0", "t99_0", "g1", "t0", "x", undefined, "__proto__"]) {
        assert.equal(pointOf(trace, bad), null, bad);
    }
});

test("times in words", () => {
    const texts = [[0, "0 ns"], [999, "999 ns"], [1500, "1.500 µs"], [12345678, "12.34 ms"], [2.5e9, "2.500 s"],
        [59.96e9, "59.96 s"], [61e9, "1 min 1 s"], [3723e9, "1 h 2 min 3 s"], [-1500, "-1.500 µs"]];
    for (const [time, text] of texts) {
        assert.equal(timeText(time), text);
    }
    assert.equal(exactText(1234567), "1,234,567 ns");
});

test("the ruler's steps are round and its texts differ", () => {
    assert.deepEqual([1, 3, 40, 120, 7e6, 6e9, 31e9, 61e9].map(stepFor), [1, 5, 50, 200, 1e7, 10e9, 60e9, 120e9]);
    for (let span = 20; span < 1e14; span *= 3.7) {
        const from = 123456789;
        const { step, times } = lines({ from, to: from + span, scale: span / 1200 });
        assert.ok(times.length <= 1200 / 110 + 1, `${span}`);
        assert.ok(times.every((time, i) => time >= from && time <= from + span && (i === 0 || time > times[i - 1])));
        const texts = times.map((time) => lineText(time, step));
        assert.equal(new Set(texts).size, texts.length, texts.join());
    }
    assert.equal(lineText(0, 10), "0");
    assert.equal(lineText(1.5e6, 1e5), "1.5 ms");
    assert.equal(lineText(90e9, 30e9), "1 min 30 s");
});

test("moments that differ look different, and have about four digits if nothing is near", () => {
    const times = [[1234567890, 1], [116812345, 83000], [2048316123456, 4000], [2048316123456, 1e12], [5, 3], [0, 1]];
    assert.deepEqual(times.map(([time, apart]) => momentText(time, apart)), [
        "1.234567890 s", "116.81 ms", "2048.316123 s", "2048.316 s", "5 ns", "0",
    ]);
    assert.equal(momentText(116812345, Infinity), "116.8 ms");
    for (let time = 1; time < 1e14; time *= 3.3) {
        for (let apart = 1; apart < 1e12; apart *= 7) {
            assert.notEqual(momentText(Math.round(time), apart), momentText(Math.round(time + apart), apart));
        }
    }
    const starts = [0, 5, 5, 9];
    assert.deepEqual([0, 1, 3].map((at) => apartFrom((i) => starts[i], at, 4)), [5, 5, 4]);
    assert.equal(apartFrom(() => 7, 0, 2), Infinity);
});

test("time zones", () => {
    assert.deepEqual([0, 60, 330, -210].map(zoneText), ["UTC", "UTC+1", "UTC+5:30", "UTC−3:30"]);
});

test("the wall clock", () => {
    assert.equal(wallClock(null, 5), "");
    assert.match(wallClock(1_700_000_000_123_456_789n, 1000), /^2023-11-1\d \d\d:\d\d:20\.123457 UTC\S*$/);
    assert.match(clockLine(1_700_000_000_123_456_789n, 0, 1e9), /^\d\d:\d\d:20$/);
    assert.match(clockLine(1_700_000_000_123_456_789n, 0, 1e6), /^\d\d:\d\d:20\.123$/);
    assert.equal(wallClock(10n ** 30n, 0), "");
});

test("text on every colour can be read, in both themes and all colourings", () => {
    const { functions } = sample({ functions: 500 });
    const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
    for (const theme of ["light", "dark"]) {
        for (const mode of ["function", "file", "process"]) {
            const colors = new Colors(functions, theme, mode);
            for (const color of colors.palette) {
                assert.ok(contrast(color, rgb(colors.ink)) >= 4.5, `${theme} ${color}`);
            }
        }
    }
});

test("colours distinguish functions, files or processes", () => {
    const functions = new Functions(["f", "g", "h", "len"], ["a.py", "b.py"], [0, 0, 1, -1], [1, 2, 3, 0]);
    const [one, other] = [{ index: 0 }, { index: 1 }];
    const by = (mode) => new Colors(functions, "light", mode);
    assert.notEqual(by("function").colorOf(0, one), by("function").colorOf(1, one));
    assert.equal(by("function").colorOf(0, one), by("function").colorOf(0, other));
    assert.equal(by("file").colorOf(0, one), by("file").colorOf(1, one));
    assert.notEqual(by("file").colorOf(0, one), by("file").colorOf(2, one));
    assert.equal(by("process").colorOf(0, one), by("process").colorOf(3, one));
    assert.notEqual(by("process").colorOf(0, one), by("process").colorOf(0, other));
    assert.notEqual(by("function").colorOf(99, one), undefined);
    assert.deepEqual(rgbOf(1, 0, 0), [255, 255, 255]);
    assert.equal(pixelOf([1, 2, 3]), 0xff030201);
    assert.notEqual(hash("ab"), hash("ba"));
});

test("only calls in sight are drawn, however near one looks", () => {
    const [track] = sample({ calls: 4000, tracks: 1 }).tracks;
    // Hours long: at the nearest, its ends are more than 2^31 pixels away.
    track.start = track.start.map((time) => time * 1e6);
    track.duration = track.duration.map((time) => time * 1e6);
    const levels = new Levels(track);
    levels.work(Infinity);
    const strips = Object.assign(Object.create(Strips.prototype), { width: 1000, pixels: new Uint32Array(1000) });
    const colors = new Uint32Array(1000).fill(7);
    for (let call = 0; call < track.count; call += 37) {
        const from = track.start[call] + track.duration[call] / 2;
        const wide = [];
        strips.used = 0;
        strips.lane(levels, track.depth[call], { from, to: from + 20 }, colors, 26, wide);
        assert.deepEqual([...wide], [call, 0, 1000]);
        assert.ok(strips.pixels.every((pixel) => pixel === 7));
    }
});

test("what lies at a pixel", () => {
    const trace = sample({ calls: 400, tracks: 2 });
    trace.tracks[0].gap = null;
    const levelsOf = levelsFor(trace);
    const view = new View(trace.duration);
    view.width = 1000;
    const placed = layOut(trace, arrangement()).rows.map((row) => ({ row, y: row.y, fixed: false }));
    const [, track] = trace.tracks;
    for (let call = 0; call < track.count; call += 13) {
        view.fit(track.start[call], track.start[call] + track.duration[call]);
        const { left, right, top } = rectangleOf({ view }, placed, track, call);
        const hit = hitAt(placed, view, levelsOf, (left + right) / 2, top + 3);
        assert.deepEqual([hit.track, hit.call], [track, call]);
    }
    view.showAll();
    const [instant] = trace.tracks[0].instants;
    const rowOf = (id) => placed.find(({ row }) => row.id === id);
    assert.equal(hitAt(placed, view, levelsOf, view.xOf(instant.time) + 2, rowOf("t0").y + 8).instant, instant);
    assert.equal(hitAt(placed, view, levelsOf, 500, rowOf("c0").y + 8).counter, trace.counters[0]);
    assert.equal(hitAt(placed, view, levelsOf, 500, rowOf("p0").y + 8).process, trace.processes[0]);
    assert.equal(hitAt(placed, view, levelsOf, 500, 1e6), null);
    trace.tracks[0].gap = { start: 0, end: trace.duration, events: 3 };
    assert.equal(hitAt(placed, view, levelsOf, 500, rowOf("t0").y + 50).gap.events, 3);
});

test("from call to call", () => {
    const [track] = sample({ calls: 2000, tracks: 1 }).tracks;
    const own = new Levels(track);
    own.work(Infinity);
    for (let call = 1; call < track.count; call += 17) {
        assert.equal(neighbour(own, call, "parent"), track.parent[call]);
        const child = track.parent.indexOf(call);
        assert.equal(neighbour(own, call, "child"), child);
        const children = [...track.parent.keys()].filter((at) => track.parent[at] === call);
        const isLonger = (at, one) => one < 0 || track.duration[at] > track.duration[one];
        const longest = children.reduce((one, at) => (isLonger(at, one) ? at : one), -1);
        assert.equal(neighbour(own, call, "longest"), longest);
        const next = track.depth.indexOf(track.depth[call], call + 1);
        assert.equal(neighbour(own, call, "next"), next);
        if (next >= 0) {
            assert.equal(neighbour(own, next, "previous"), call);
        }
    }
    assert.equal(track.depth[firstCall(own, 0, 1e12)], 0);
});

test("a state survives the hash", () => {
    const state = {
        view: [-12.5, 1e12], selection: [3, 17], range: [10, 20],
        filter: "a b&c=ü😀", coloring: "file", clock: "wall",
        collapsed: ["p0", "t12"], pinned: ["c3"], hidden: ["t1"], order: ["t2", "t1"], search: "^f.*#", tab: "flame",
    };
    assert.deepEqual(fromHash(`#${toHash(state)}`), state);
    assert.equal(toHash({ collapsed: [], filter: "", view: undefined }), "");
});

test("any hash gives a state", () => {
    assert.deepEqual(fromHash(""), {});
    assert.deepEqual(fromHash("#v=1&s=a_b&c=blue&x=p1.<b>.t2.t-1&z=9&w=moon&r=1_2_3"), { collapsed: ["p1", "t2"] });
    assert.deepEqual(fromHash("#v=NaN_3&r=Infinity_2&%%%"), {});
});

test("counters keep their peaks", () => {
    const values = Float64Array.from({ length: 1000 }, (_, i) => (i === 777 ? 99 : i % 7));
    const counter = { times: values.map((_, i) => i * 10), values };
    assert.equal(greatestOf(counter), 99);
    assert.equal(valueAt(counter, -1), null);
    assert.deepEqual([0, 5, 10, 7771, 1e9].map((time) => valueAt(counter, time)), [0, 0, 1, 99, 999 % 7]);
    assert.deepEqual([0, 1234.5678, 1e-9, 2e20].map(numberText), ["0", "1,234.568", "1.000e-9", "2.000e+20"]);
});

test("calls from before the fork take one level until they are unfolded", () => {
    const trace = sample({ tracks: 2, calls: 0 });
    const [own, child] = trace.tracks;
    const calls = (track, depths, inherited) => Object.assign(track, {
        count: depths.length, depth: Uint16Array.from(depths), maxDepth: Math.max(...depths),
        flags: Uint8Array.from(depths, (_, call) => (call < inherited ? INHERITED : 0)),
    });
    calls(own, [0, 1, 2], 0);
    calls(child, [0, 1, 2, 3, 4, 3], 3);
    const rowOf = (...unfolded) =>
        layOut(trace, { ...arrangement(), unfolded: new Set(unfolded) }).rows.find(({ id }) => id === "t1");
    assert.deepEqual([inheritedLevels(own), inheritedLevels(child)], [0, 3]);
    assert.deepEqual([rowOf().skipped, rowOf().lanes, rowOf().folded], [2, 3, 0]);
    assert.deepEqual([0, 1, 2, 3, 4, 5].map((depth) => laneOf(rowOf(), depth)), [-1, -1, 0, 1, 2, -1]);
    assert.deepEqual([rowOf("t1").skipped, rowOf("t1").lanes, rowOf("t1").unfolded], [0, 5, true]);
    const left = calls({ ...child }, [0, 1, 2, 3, 1], 3);
    assert.equal(inheritedLevels(left), 1, "the fork has returned in the child, and its caller went on");
});

test("on the way along a track the zoom stays", () => {
    const view = new View(1e9);
    view.width = 1000;
    view.show(1e8, 3e8);
    view.approach(2e8, 2e8 + 50);
    assert.deepEqual([view.from, view.to], [1e8, 3e8], "it is in view, however short");
    view.approach(6e8, 6e8 + 50);
    assert.ok(view.from < 6e8 && view.to > 6e8);
    assert.equal(view.to - view.from, 2e8);
});

test("names are cut between characters", () => {
    assert.equal(cut("function", 4), "func…");
    assert.equal(cut("ab😀cd", 3), "ab…");
    assert.equal(cut("function", 1), "");
});

test("the wheel zooms evenly, whatever unit it speaks", () => {
    assert.ok(wheelFactor({ deltaY: -100, deltaMode: 0 }) > 1);
    const back = wheelFactor({ deltaY: 100, deltaMode: 0 }) * wheelFactor({ deltaY: -100, deltaMode: 0 });
    assert.ok(Math.abs(back - 1) < 1e-9);
    assert.equal(wheelFactor({ deltaY: 3, deltaMode: 1 }), wheelFactor({ deltaY: 99, deltaMode: 0 }));
    assert.ok(wheelFactor({ deltaY: -1e9, deltaMode: 2 }) < 3);
});

test("the minimap has the depth of every pixel", () => {
    const [track] = sample({ calls: 3000, tracks: 1 }).tracks;
    const levels = new Levels(track);
    levels.work(Infinity);
    const depths = new Uint16Array(400);
    const end = Math.max(...track.start);
    Array.from(profile(levels, depths, end / 400));
    assert.equal(Math.max(...depths), track.maxDepth + 1);
    assert.ok(depths.some((depth) => depth < track.maxDepth));
});

test("what rows and tooltips say", () => {
    const trace = sample({ tracks: 3 });
    const { rows } = layOut(trace, arrangement());
    assert.deepEqual(wordsOf(rows[0]), { name: "MainProcess", number: "pid 4711", warning: "ended by SIGTERM" });
    const losses = ["12,345 overwritten", "ended by SIGTERM"];
    const lossy = { ...rows[0], process: { ...rows[0].process, losses } };
    assert.equal(wordsOf(lossy).warning, "ended by SIGTERM, 12,345 overwritten");
    assert.equal(wordsOf(rows[2]).warning, "12,345 lost (overwritten), 3 lost (no space)");
    assert.equal(wordsOf(rows.find(({ id }) => id === "t2")).number, "task");
    const [track] = trace.tracks;
    const call = track.flags.findIndex((flags) => (flags & UNFINISHED) !== 0);
    const words = about({ track, call }, trace, levelsFor(trace)(track));
    assert.equal(words.title, trace.functions.name(track.function[call]));
    assert.ok(words.facts.some(([word]) => word === "duration"));
    assert.ok(words.facts.some(([, value]) => value === "unfinished"));
    assert.match(about({ gap: track.gap }, trace).title, /^12,345 events overwritten$/);
    assert.equal(about({ track, instant: track.instants[0], at: 0 }, trace).title, "</script>here");
    assert.equal(about({ counter: trace.counters[0], value: 15 }, trace).facts[0][1], "15");
});

test("an arrow is drawn if a part of it is in view; it ends at pinned rows that cover its end", () => {
    const trace = sample({ tracks: 4 });
    const [one, other] = [trace.tracks[0], trace.tracks[2]];
    const view = new View(trace.duration);
    view.width = 1000;
    const row = (track, y) => ({ track, y, top: 5, lanes: 1, skipped: 0, height: 28 });
    /** The height at which the arrow ends, or null. The heights of the rows count from the pinned rows. */
    const drawn = (pinned, rows, scroll = 0) => {
        let end = null;
        const nothing = () => {};
        const context = new Proxy({}, {
            get: (_, name) => (name === "bezierCurveTo" ? (...points) => (end = points.at(-1)) : nothing),
            set: () => true,
        });
        const levelsOf = () => ({ ready: false });
        const layout = { pinnedHeight: 100, pinned, rows };
        const scene = { view, theme: {}, levelsOf, layout, scroll, height: 600 };
        const flow = { fromTrack: one, fromTime: 1, toTrack: other, toTime: 2, name: "start" };
        drawFlows(context, scene, [], [flow], null);
        return end;
    };
    assert.equal(drawn([row(one, 10)], [row(other, 200)]), 305);
    assert.equal(drawn([row(one, 10), row(other, 40)], []), 45);
    assert.equal(drawn([row(one, 10)], [row(other, 40)], 90), 100, "the pinned rows cover the end");
    assert.equal(drawn([], [row(one, 10), row(other, 900)]), 1005, "its end is below the screen");
    assert.equal(drawn([], [row(one, 10), row(other, 40)], 200), null, "the pinned rows cover all of it");
    assert.equal(drawn([], [row(one, 900), row(other, 950)]), null);
    assert.equal(drawn([], [row(one, 10)]), null, "the row of its end is hidden");
});
