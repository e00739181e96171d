// Calls with the same callers summed up: the tree behind flame graphs, and the trees of one function's callers and
// callees.

import { runs } from "./range.js";
import { CallTree, longer, REST, ROOT } from "./tree.js";

/**
 * The stacks of a range. As a profiler would have seen them, what a task does stands on the thread that runs it, below
 * the event loop: so nothing is counted twice, and all own times together are the width of all.
 * @param {import("./range.js").Range} range
 * @returns {Generator<number, CallTree>}
 */
export function* callTree(range, tree = new CallTree()) {
    let nodes = new Int32Array(0);
    yield* runs(range, (track, first, last, levels, height) => {
        if (nodes.length < height) {
            nodes = longer(nodes, height);
        }
        addCalls(tree, track, nodes, first, last, levels, range);
        if (tree.isFull) {
            const places = tree.fold();
            for (let level = 0; level < height; level += 1) {
                const place = places[Math.max(nodes[level], ~nodes[level])] ?? ROOT;
                nodes[level] = tree.function[place] === REST ? ~place : place;
            }
        }
    });
    return tree.finish();
}

/** Adds calls of a track; `nodes` has the node of the open call by level; ~node if that is of the rest. */
function addCalls(tree, { start, duration, function: functions }, nodes, first, last, levels, { from, to }) {
    let { calls, total } = tree;
    for (let i = first; i < last; i += 1) {
        const level = levels[i - first];
        const around = level === 0 ? ROOT : nodes[level - 1];
        if (around < 0) {
            nodes[level] = around;
            calls[~around] += 1;
            continue;
        }
        const node = tree.child(around, functions[i]);
        nodes[level] = node;
        const begin = start[i];
        const end = begin + duration[i];
        const time = (end < to ? end : to) - (begin > from ? begin : from);
        if (node >= calls.length) {
            ({ calls, total } = tree);
        }
        calls[node] += 1;
        total[node] += time;
        if (around === ROOT) {
            total[ROOT] += time;
        }
    }
}

/** Nodes between two looks at the clock. */
const RUN = 1 << 15;

/**
 * What a function called: its outermost nodes laid upon each other.
 * @param {CallTree} tree @param {number} of @returns {Generator<number, CallTree>}
 */
export function* calleesOf(tree, of) {
    const callees = new CallTree();
    const nodes = new Int32Array(tree.count).fill(-1);
    for (let node = 1; node < tree.count; node += 1) {
        if (node % RUN === 0) {
            yield node / tree.count;
        }
        const around = nodes[tree.parent[node]];
        if (around < 0 && tree.function[node] !== of) {
            continue;
        }
        const into = callees.child(around < 0 ? ROOT : around, tree.function[node]);
        nodes[node] = into;
        callees.calls[into] += tree.calls[node];
        callees.total[into] += tree.total[node];
        if (around < 0) {
            callees.total[ROOT] += tree.total[node];
        }
    }
    return callees.finish();
}

/**
 * Who called a function: the ways from its outermost nodes to the root, which go downwards here.
 * @param {CallTree} tree @param {number} of @returns {Generator<number, CallTree>}
 */
export function* callersOf(tree, of) {
    const callers = new CallTree(tree.limit);
    const inside = new Uint8Array(tree.count);
    for (let node = 1, steps = 0; node < tree.count; node += 1, steps += 1) {
        if (steps >= RUN) {
            steps = 0;
            yield node / tree.count;
        }
        if (callers.isFull) {
            callers.fold();
        }
        const isBelow = inside[tree.parent[node]] === 1;
        const isIt = tree.function[node] === of;
        inside[node] = isBelow || isIt ? 1 : 0;
        if (isBelow || !isIt) {
            continue;
        }
        callers.total[ROOT] += tree.total[node];
        let into = ROOT;
        for (let at = node; at > ROOT; at = tree.parent[at], steps += 1) {
            into = callers.child(into, tree.function[at]);
            callers.calls[into] += tree.calls[node];
            callers.total[into] += tree.total[node];
        }
    }
    return callers.finish();
}
