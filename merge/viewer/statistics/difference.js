// The stacks of a base and of a head in one tree.

import { ofCalls } from "../data/model.js";
import { callTree } from "./stacks.js";
import { CallTree, ROOT } from "./tree.js";

/**
 * The numbers of a side by node, of a run on average.
 * @typedef {{calls: Float64Array, total: Float64Array, own: Float64Array}} Side
 */

/**
 * Returns a tree in which the time of a node is that of both sides together, and the numbers of each side.
 * @param {{from: number, to: number}} range @param {import("../data/model.js").Trace} trace
 * @returns {Generator<number, {tree: CallTree, base: Side, head: Side}>}
 */
export function* differenceTree({ from, to }, { comparison, processes }) {
    const tracks = (isHead) =>
        ofCalls(processes.filter(({ index }) => comparison.isHead[index] === isHead).flatMap((of) => of.tracks));
    const trees = [];
    for (const isHead of [false, true]) {
        trees.push(yield* callTree({ from, to, tracks: tracks(isHead) }));
    }
    const tree = new CallTree();
    const nodes = trees.map((side) => merged(tree, side, comparison.same));
    const [base, head] = trees.map((side, index) => numbersOf(tree, side, nodes[index], comparison.runs[index]));
    for (let node = ROOT; node < tree.count; node += 1) {
        tree.calls[node] = base.calls[node] + head.calls[node];
        tree.total[node] = base.total[node] + head.total[node];
    }
    return { tree: tree.finish(), base, head };
}

/** Adds the nodes of a side. Returns the node of each. */
function merged(tree, side, same) {
    const nodes = new Int32Array(side.count);
    for (let node = 1; node < side.count; node += 1) {
        const of = side.function[node];
        nodes[node] = tree.child(nodes[side.parent[node]], same[of] ?? of);
    }
    return nodes;
}

/** @returns {Side} */
function numbersOf(tree, side, nodes, runs) {
    const column = () => new Float64Array(tree.count);
    const [calls, total, own] = [column(), column(), column()];
    for (let node = ROOT; node < side.count; node += 1) {
        calls[nodes[node]] += side.calls[node] / runs;
        total[nodes[node]] += side.total[node] / runs;
        own[nodes[node]] += side.own[node] / runs;
    }
    return { calls, total, own };
}
