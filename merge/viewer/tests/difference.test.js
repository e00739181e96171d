// The stacks of a base and of a head in one tree.

import assert from "node:assert/strict";
import { test } from "node:test";
import { comparisonOf } from "../data/comparison.js";
import { changeText } from "../panels/difference.js";
import { differenceTree } from "../statistics/difference.js";
import { atOnce } from "../statistics/slices.js";
import { REST, ROOT } from "../statistics/tree.js";
import { differenceColor } from "../timeline/colors.js";
import { drawn, tasksTrace } from "./drawn.js";

/** A trace of a base and of a head, each of one track as drawn. */
function compared(base, head, { runs = [1, 1], same = [0, 1, 2, 3] } = {}) {
    const processes = [base, head].map((rows, index) => ({ index, tracks: drawn(rows).tracks }));
    return { processes, comparison: comparisonOf({ isHead: [false, true], runs, same }, 2) };
}

const whole = { from: -Infinity, to: Infinity };

/** By path of functions: the calls, the total and the self time of both sides. */
function numbers({ tree, base, head }) {
    const of = (side, node) => [side.calls[node], side.total[node], side.own[node]];
    const nodes = Array.from({ length: tree.count - 1 }, (_, index) => index + 1);
    return Object.fromEntries(nodes.map((node) => [tree.path(node).join(), [of(base, node), of(head, node)]]));
}

test("both sides are in one tree, and what one lacks is 0 there", () => {
    const shown = atOnce(differenceTree(whole, compared(["ffffffff", " gg     "], ["ffffffff", " gggg h "])));
    assert.deepEqual(numbers(shown), {
        0: [[1, 8, 6], [1, 8, 3]],
        "0,1": [[1, 2, 2], [1, 4, 4]],
        "0,2": [[0, 0, 0], [1, 1, 1]],
    });
    assert.equal(shown.tree.total[ROOT], 16);
    assert.equal(shown.tree.total[shown.tree.find([0, 1])], 6);
});

test("numbers are those of a run, and functions that match are one", () => {
    const options = { runs: [2, 1], same: [0, 0, 2] };
    const shown = atOnce(differenceTree(whole, compared(["ffff"], ["ffgg"], options)));
    assert.deepEqual(numbers(shown), { 0: [[0.5, 2, 2], [2, 4, 4]] });
});

test("of too many stacks, the same ones are merged on both sides, and all others have exact numbers", () => {
    let folded = 0;
    for (let seed = 1; seed < 60; seed += 1) {
        const processes = [seed, seed + 1000].map((of, index) => ({ index, tracks: tasksTrace(of).tracks }));
        const comparison = comparisonOf({ isHead: [false, true], runs: [2, 1], same: [0, 1, 1, 3] }, 4);
        const trace = { processes, comparison };
        const exact = atOnce(differenceTree(whole, trace));
        const { tree, base, head } = atOnce(differenceTree(whole, trace, 16));
        assert.equal(tree.total[ROOT], exact.tree.total[ROOT]);
        folded += tree.rest > 0 ? 1 : 0;
        for (let node = 1; node < tree.count; node += 1) {
            assert.equal(tree.calls[node], base.calls[node] + head.calls[node]);
            if (tree.function[node] !== REST) {
                const same = exact.tree.find(tree.path(node));
                assert.equal(base.total[node], exact.base.total[same]);
                assert.equal(head.total[node], exact.head.total[same]);
            }
        }
    }
    assert.ok(folded > 30, `${folded}`);
});

test("a header is not trusted", () => {
    for (const nothing of [undefined, null, 7, "x"]) {
        assert.equal(comparisonOf(nothing, 1), null);
    }
    const { isHead, runs, same } = comparisonOf({ isHead: "x", runs: [0, {}], same: [5, -1, 0.5, 0, "1"] }, 2);
    assert.deepEqual([isHead, runs, same], [[false, false], [1, 1], [0, 1, 2, 0, 4]]);
});

test("changes in words", () => {
    const texts = [[4, 4], [4, 5], [4, 1], [0, 3], [3, 0], [9999, 9998]].map(([base, head]) => changeText(base, head, String));
    assert.deepEqual(texts, ["4", "4 → 5 (+25.0 %)", "4 → 1 (−75.0 %)", "0 → 3 (new)", "3 → 0 (gone)",
        "9999 → 9998 (<0.1 %)"]);
});

test("colours: grey for as much, red for more, blue for less", () => {
    for (const theme of ["light", "dark"]) {
        const rgb = (base, head) => differenceColor(base, head, theme).match(/\d+/g).map(Number);
        const [red, green, blue] = rgb(5, 5);
        assert.ok(Math.max(red, green, blue) - Math.min(red, green, blue) <= 1);
        assert.ok(rgb(0, 5)[0] > rgb(0, 5)[2] + 20);
        assert.ok(rgb(5, 0)[2] > rgb(5, 0)[0] + 20);
        assert.deepEqual(rgb(0, 0), rgb(5, 5));
    }
});
