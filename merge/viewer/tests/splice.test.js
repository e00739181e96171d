import assert from "node:assert/strict";
import { test } from "node:test";
import { CLIPPED, endOf, MERGED, mergedCount } from "../data/model.js";
import { callOf, nameOf } from "../data/names.js";
import { splicing } from "../data/splice.js";
import { atOnce } from "../statistics/slices.js";
import { numbers } from "./sample.js";

const spliced = (whole, tile, time) => atOnce(splicing(whole, tile, time));

/** Columns of calls: [start, end, depth, function, merged]. */
function columns(calls) {
    const parents = [];
    const made = {
        count: calls.length, maxDepth: -1, unfinished: 0, args: new Map(),
        start: [], duration: [], depth: [], function: [], flags: [], parent: [],
    };
    calls.forEach(([start, end, depth, of, merged = 1], call) => {
        made.start.push(start);
        made.duration.push(end - start);
        made.depth.push(depth);
        made.function.push(of);
        made.flags.push(merged > 1 ? MERGED : 0);
        made.parent.push(depth > 0 ? parents[depth - 1] : -1);
        parents[depth] = call;
        made.maxDepth = Math.max(made.maxDepth, depth);
        if (merged > 1) {
            made.args.set(call, `{"calls":${merged}}`);
        }
    });
    return made;
}

/** What columns say, as `columns` takes it. */
function calls(of) {
    return Array.from({ length: of.count }, (_, call) => {
        const merged = of.flags[call] & MERGED ? [JSON.parse(of.args.get(call)).calls] : [];
        return [of.start[call], endOf(of, call), of.depth[call], of.function[call], ...merged];
    });
}

test("a tile takes the place of the merged calls in its time", () => {
    const whole = columns([[0, 100, 0, 1], [10, 40, 1, 2, 8], [50, 70, 1, 3], [80, 90, 1, 2, 4]]);
    const tile = columns([
        [0, 100, 0, 1], [28, 32, 1, 2], [29, 30, 2, 4], [34, 38, 1, 2], [50, 70, 1, 3], [55, 56, 2, 4],
    ]);
    const { columns: made, places, ofTile } = spliced(whole, tile, { from: 30, to: 60 });
    assert.deepEqual(calls(made), [
        [0, 100, 0, 1], [10, 28, 1, 2, 8], [28, 32, 1, 2], [29, 30, 2, 4], [34, 38, 1, 2], [50, 70, 1, 3],
        [55, 56, 2, 4], [80, 90, 1, 2, 4],
    ]);
    assert.deepEqual([...made.parent], [-1, 0, 0, 2, 0, 0, 5, 0]);
    assert.deepEqual([...places], [0, 1, 5, 7]);
    assert.deepEqual([...ofTile], [0, 2, 3, 4, 5, 6]);
    assert.equal(made.maxDepth, 2);
    assert.deepEqual([1, 7, 3].map((call) => made.flags[call] & CLIPPED), [CLIPPED, 0, 0]);
    assert.deepEqual([1, 3, 7].map((call) => mergedCount(made, call)), ["up to 8", "", "4"]);
});

test("merged calls are cut at both edges, and go on behind a call of the tile that reaches over one", () => {
    const whole = columns([[0, 100, 0, 1, 50]]);
    const tile = columns([[45, 48, 0, 2], [58, 64, 0, 2]]);
    const { columns: made } = spliced(whole, tile, { from: 40, to: 60 });
    assert.deepEqual(calls(made), [[0, 40, 0, 1, 50], [45, 48, 0, 2], [58, 64, 0, 2], [64, 100, 0, 1, 50]]);
});

test("a tile without calls on a track leaves a hole there", () => {
    const whole = columns([[0, 10, 0, 1, 5], [50, 60, 0, 1, 5]]);
    assert.deepEqual(calls(spliced(whole, columns([]), { from: 0, to: 20 }).columns), [[50, 60, 0, 1, 5]]);
});

test("arguments stay with calls that end behind the tile", () => {
    const whole = columns([[0, 100, 0, 1]]);
    whole.args.set(0, '{"a":1}');
    const { columns: made } = spliced(whole, columns([[0, 100, 0, 1], [5, 6, 1, 2]]), { from: 0, to: 20 });
    assert.deepEqual([...made.args], [[0, '{"a":1}']]);
});

test("with all calls in the tile, its time is as it was recorded, wherever its edges are", () => {
    const random = numbers(7);
    for (let round = 0; round < 50; round += 1) {
        const all = [];
        let now = 0;
        const fill = (depth, end) => {
            while (now < end && all.length < 300) {
                now += 1 + Math.floor(random() * 9);
                const start = now;
                const last = Math.min(end, now + 2 + Math.floor(random() * 40));
                const at = all.push([start, last, depth, depth]) - 1;
                if (depth < 4 && random() < 0.6) {
                    fill(depth + 1, last - 1);
                }
                now = Math.max(now, all[at][1]) + 1;
            }
        };
        fill(0, 2000);
        const [from, to] = [Math.floor(random() * 500), 500 + Math.floor(random() * 500)];
        const inTime = ([start, end]) => end >= from && start < to;
        const { columns: made, places } = spliced(columns(all), columns(all.filter(inTime)), { from, to });
        assert.deepEqual(calls(made), all);
        assert.deepEqual([...made.parent], columns(all).parent);
        assert.deepEqual([...places], all.map((_, call) => call));
    }
});

test("a call of a served trace is named by its begin and depth, and found in what is merged", () => {
    const loaded = { ...columns([[0, 100, 0, 1], [28, 32, 1, 2], [28, 30, 2, 4]]), isServed: true };
    assert.equal(nameOf(loaded, 2), "28_2");
    assert.equal(callOf(loaded, "28_2"), 2);
    assert.equal(callOf(loaded, "28_1"), 1);
    assert.equal(callOf(loaded, "31_5"), 1);
    const merged = { ...columns([[0, 100, 0, 1], [20, 40, 1, 2, 9]]), isServed: true };
    assert.equal(callOf(merged, "28_2"), 1);
    assert.equal(callOf(merged, "50_2"), 0);
    assert.equal(callOf(merged, "150_2"), -1);
});
