// The stacks of a base and of a head in one tree.

import { ofCalls } from "../data/model.js";
import { callTree } from "./stacks.js";
import { CallTree, longer, REST, ROOT } from "./tree.js";

/**
 * The numbers of a side by node, of a run on average.
 * @typedef {{calls: Float64Array, total: Float64Array, own: Float64Array}} Side
 */

/** The tree of both sides, in which functions that match are one. */
class JointTree extends CallTree {
    /** Whether what is not in the tree is counted as merged branches. */
    isClosed = false;

    /** @param {ArrayLike<number>} same */
    constructor(same) {
        super(Infinity);
        this.same = same;
    }

    child(parent, of) {
        const mine = this.same[of] ?? of;
        const isNew = this.isClosed && this.childOf(parent, mine) < 0;
        return super.child(parent, isNew ? REST : mine);
    }

    /** Sets the numbers of all nodes to 0. */
    clear() {
        for (const column of [this.calls, this.total, this.own]) {
            column.fill(0);
        }
    }
}

/**
 * Returns the difference between the base and the head of a trace that compares runs.
 * @param {{from: number, to: number}} range @param {import("../data/model.js").Trace} trace
 * @param {number} [limit]  of the nodes of a side
 * @returns {Generator<number, {tree: CallTree, base: Side, head: Side}>}
 */
export function differenceTree({ from, to }, { comparison, processes }, limit = undefined) {
    const ranges = [false, true].map((isHead) => {
        const own = processes.filter(({ index }) => comparison.isHead[index] === isHead);
        return { from, to, tracks: ofCalls(own.flatMap((of) => of.tracks)) };
    });
    return treeOfBoth(ranges, comparison, limit);
}

/**
 * Returns a tree in which the time of a node is that of both sides together, and the numbers of each side.
 * @param {import("./range.js").Range[]} ranges  those of the base and of the head
 * @param {{runs: number[], same: ArrayLike<number>}} sides  see ../data/comparison.js; by default both are one run
 * @param {number} [limit]  of the nodes of a side
 * @returns {Generator<number, {tree: CallTree, base: Side, head: Side}>}
 */
export function* treeOfBoth(ranges, { runs, same } = { runs: [1, 1], same: [] }, limit = undefined) {
    const trees = [];
    for (const range of ranges) {
        trees.push(yield* callTree(range, new CallTree(limit)));
    }
    const tree = new JointTree(same);
    const nodes = trees.map((side) => merged(tree, side));
    tree.least = Math.max(...trees.map(({ least }) => least));
    // Each side has merged its own smallest branches. What one of them has in the tree, the other one must have, too.
    const sides = trees.map((side, index) => numbersOf(tree, side, nodes[index], runs[index]));
    if (tree.least > 0) {
        tree.isClosed = true;
        for (const index of [0, 1]) {
            tree.clear();
            yield* callTree(ranges[index], tree);
            sides[index] = numbersOf(tree, tree, null, runs[index]);
        }
    }
    // The last one may have added nodes of merged branches.
    const [base, head] = sides.map((side) => padded(side, tree.count));
    for (let node = ROOT; node < tree.count; node += 1) {
        tree.calls[node] = base.calls[node] + head.calls[node];
        tree.total[node] = base.total[node] + head.total[node];
    }
    return { tree: tree.finish(), base, head };
}

/** Adds the nodes of a side. Returns the node of each. */
function merged(tree, side) {
    const nodes = new Int32Array(side.count);
    for (let node = 1; node < side.count; node += 1) {
        nodes[node] = tree.child(nodes[side.parent[node]], side.function[node]);
    }
    return nodes;
}

/** Adds zeros for further nodes. @param {Side} side @returns {Side} */
function padded(side, count) {
    return Object.fromEntries(Object.entries(side).map(([key, numbers]) => [key, longer(numbers, count)]));
}

/** Returns the numbers of a side by node of `tree`, which `nodes` has by node of the side, if that has its own. */
function numbersOf(tree, side, nodes, runs) {
    const column = () => new Float64Array(tree.count);
    const [calls, total, own] = [column(), column(), column()];
    for (let node = ROOT; node < side.count; node += 1) {
        const at = nodes?.[node] ?? node;
        calls[at] += side.calls[node] / runs;
        total[at] += side.total[node] / runs;
        own[at] += side.own[node] / runs;
    }
    return { calls, total, own };
}
