// Sums up calls with the same callers: the tree for flame graphs, and the trees of a function's callers and callees.

import { runs } from "./range.js";
import { CallTree, longer, REST, ROOT } from "./tree.js";

/**
 * Returns the stacks of a range. As in a profiler, calls of a task are on the thread that runs it, below the event
 * loop. So no time is counted twice, and the sum of all self times is the total width.
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
            const moved = tree.fold();
            for (let level = 0; level < height; level += 1) {
                const node = moved[Math.max(nodes[level], ~nodes[level])] ?? ROOT;
                nodes[level] = tree.function[node] === REST ? ~node : node;
            }
        }
    });
    return tree.finish();
}

/** Adds calls of a track. `nodes` has the node of the open call by level, or ~node for merged branches. */
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
        nodes[level] = tree.function[node] === REST ? ~node : node;
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

/** Nodes between two reads of the clock. */
const RUN = 1 << 15;

/**
 * Returns the tree of a function's callees: its outermost nodes merged.
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
 * Returns the tree of a function's callers: the paths from its outermost nodes to the root, upside down.
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
