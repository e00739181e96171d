// The functions of two ranges of time, and the difference of their stacks.

import assert from "node:assert/strict";
import test from "node:test";
import { CHANGES } from "../panels/changes.js";
import { Scope } from "../panels/scope.js";
import { fromHash, toHash } from "../state.js";
import { withChanges } from "../statistics/changes.js";
import { treeOfBoth } from "../statistics/difference.js";
import { atOnce } from "../statistics/slices.js";
import { callTree } from "../statistics/stacks.js";
import { statistics } from "../statistics/statistics.js";
import { drawn, randomTrace } from "./drawn.js";

test("each function has its numbers in A, and what changed", () => {
    const trace = drawn(["ffff gg ffhhh", " ii      i   "]);
    const rows = (from, to) => atOnce(statistics(trace, { from, to, tracks: trace.tracks }));
    const found = withChanges(rows(8, 13), rows(0, 8));
    const numbers = Object.fromEntries(found.map((row) => [row.function, [row.held, row.change]]));
    const of = (calls, total, own) => ({ calls, total, own });
    assert.deepEqual(numbers, {
        0: [of(1, 4, 2), of(0, -2, -1)],
        1: [of(1, 2, 2), of(0, -1, -1)],
        2: [of(1, 2, 2), of(-1, -2, -2)],
        3: [of(0, 0, 0), of(1, 3, 3)],
    });
    const gone = found.find((row) => row.function === 2);
    assert.deepEqual([gone.calls, gone.max], [0, 0]);
    assert.deepEqual(CHANGES.map(({ value }) => value(gone)), [-1, -2, -2, 1, 2, 2]);
});

test("the tree of two ranges has the stacks of each", () => {
    for (let seed = 1; seed < 40; seed += 1) {
        const { tracks } = randomTrace(seed);
        const ranges = [{ from: 0, to: 12, tracks }, { from: 8, to: 40, tracks }];
        const { tree, base, head } = atOnce(treeOfBoth(ranges));
        for (const [side, range] of [[base, ranges[0]], [head, ranges[1]]]) {
            const alone = atOnce(callTree(range));
            for (let node = 1; node < alone.count; node += 1) {
                const same = tree.find(alone.path(node));
                const numbers = ({ calls, total, own }, at) => [calls[at], total[at], own[at]];
                assert.deepEqual(numbers(side, same), numbers(alone, node));
            }
        }
    }
});

test("a scope compares with what is held", async () => {
    const trace = { ...drawn(["ffff gg ffhhh"]), comparison: null };
    const scope = new Scope(trace);
    assert.equal(scope.hasDifference, false);
    scope.setRange(0, 4);
    scope.hold(scope);
    const { version } = scope;
    scope.hold({ from: 0, to: 4 });
    assert.equal(scope.version, version);
    scope.setRange(4, 13);
    assert.deepEqual(scope.held, { from: 0, to: 4 });
    const held = await scope.heldRows(() => {});
    assert.deepEqual(held.map((row) => [row.function, row.calls]), [[0, 1]]);
    const { base, head } = await scope.difference(() => {});
    assert.deepEqual([base.total[0], head.total[0]], [4, 7]);
    scope.hold(null);
    assert.equal(scope.hasDifference, false);
});

test("the address keeps both ranges", () => {
    const state = { range: [10, 20], held: [1, 5] };
    assert.deepEqual(fromHash(toHash(state)), state);
    assert.equal(fromHash("#g=1").held, undefined);
});
