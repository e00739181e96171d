// Calls with the same callers summed up: the tree behind flame graphs, and the trees of one function's callers and
// callees.

import { runs } from "./range.js";

/** The node that holds all. */
export const ROOT = 0;

/** A tree of functions. Callers have lower numbers than what they called. */
export class CallTree {
    #slots = new Int32Array(1 << 10).fill(-1);

    constructor() {
        this.count = 0;
        this.function = new Int32Array(1 << 8);
        this.parent = new Int32Array(1 << 8);
        this.calls = new Float64Array(1 << 8);
        /** Nanoseconds, and the same without those of the children. */
        this.total = new Float64Array(1 << 8);
        this.own = new Float64Array(1 << 8);
        this.firstChild = new Int32Array(1 << 8);
        this.nextSibling = new Int32Array(1 << 8);
        this.#add(-1, -1);
    }

    /** The child of a node that stands for a function; a new one if need be. */
    child(parent, of) {
        const mask = this.#slots.length - 1;
        let slot = hash(parent, of) & mask;
        for (let node; (node = this.#slots[slot]) >= 0; slot = (slot + 1) & mask) {
            if (this.parent[node] === parent && this.function[node] === of) {
                return node;
            }
        }
        const node = this.#add(parent, of);
        this.#slots[slot] = node;
        if (this.count * 2 > this.#slots.length) {
            this.#rehash();
        }
        return node;
    }

    /** The children of a node, that with the most time first. @returns {number[]} */
    children(node) {
        const found = [];
        for (let child = this.firstChild[node]; child >= 0; child = this.nextSibling[child]) {
            found.push(child);
        }
        return found.sort((a, b) => this.total[b] - this.total[a] || this.function[a] - this.function[b]);
    }

    /** The functions from the outermost one to this node's. @returns {number[]} */
    path(node) {
        const path = [];
        for (let at = node; at > ROOT; at = this.parent[at]) {
            path.push(this.function[at]);
        }
        return path.reverse();
    }

    /** The node with these functions around it, or the last one on the way there. */
    find(path) {
        return path.reduce((node, of) => {
            const child = node < 0 ? -1 : this.children(node).find((child) => this.function[child] === of);
            return child ?? -1;
        }, ROOT);
    }

    #add(parent, of) {
        const node = this.count;
        if (node === this.function.length) {
            for (const column of ["function", "parent", "calls", "total", "own", "firstChild", "nextSibling"]) {
                const longer = new this[column].constructor(node * 2);
                longer.set(this[column]);
                this[column] = longer;
            }
        }
        this.function[node] = of;
        this.parent[node] = parent;
        this.firstChild[node] = -1;
        this.nextSibling[node] = parent < 0 ? -1 : this.firstChild[parent];
        if (parent >= 0) {
            this.firstChild[parent] = node;
        }
        this.count += 1;
        return node;
    }

    #rehash() {
        this.#slots = new Int32Array(this.#slots.length * 2).fill(-1);
        const mask = this.#slots.length - 1;
        for (let node = 1; node < this.count; node += 1) {
            let slot = hash(this.parent[node], this.function[node]) & mask;
            while (this.#slots[slot] >= 0) {
                slot = (slot + 1) & mask;
            }
            this.#slots[slot] = node;
        }
    }
}

function hash(parent, of) {
    const mixed = Math.imul(parent, 0x9e3779b1) ^ Math.imul(of, 0x85ebca6b);
    return mixed ^ (mixed >>> 15);
}

/**
 * The stacks of a range.
 * @param {import("./range.js").Range} range
 * @returns {Generator<number, CallTree>}
 */
export function* callTree(range) {
    const tree = new CallTree();
    let track = null;
    let nodes = new Int32Array(0);
    yield* runs(range, (of, first, last) => {
        if (of !== track) {
            track = of;
            nodes = new Int32Array(track.maxDepth + 2);
        }
        addCalls(tree, track, nodes, first, last, range);
    });
    return tree;
}

/** Adds calls of a track; `nodes` has the node of the open call by depth. */
function addCalls(tree, track, nodes, first, last, { from, to }) {
    const { start, duration, depth } = track;
    for (let i = first; i < last; i += 1) {
        const level = depth[i];
        const around = level === 0 ? ROOT : nodes[level - 1];
        const node = tree.child(around, track.function[i]);
        nodes[level] = node;
        const begin = start[i];
        const end = begin + duration[i];
        const time = (end < to ? end : to) - (begin > from ? begin : from);
        tree.calls[node] += 1;
        tree.total[node] += time;
        tree.own[node] += time;
        if (around === ROOT) {
            tree.total[ROOT] += time;
        } else {
            tree.own[around] -= time;
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
        callees.own[into] += tree.own[node];
        if (around < 0) {
            callees.total[ROOT] += tree.total[node];
        }
    }
    return callees;
}

/**
 * Who called a function: the ways from its outermost nodes to the root, which go downwards here.
 * @param {CallTree} tree @param {number} of @returns {Generator<number, CallTree>}
 */
export function* callersOf(tree, of) {
    const callers = new CallTree();
    const inside = new Uint8Array(tree.count);
    for (let node = 1; node < tree.count; node += 1) {
        if (node % RUN === 0) {
            yield node / tree.count;
        }
        const isBelow = inside[tree.parent[node]] === 1;
        const isIt = tree.function[node] === of;
        inside[node] = isBelow || isIt ? 1 : 0;
        if (isBelow || !isIt) {
            continue;
        }
        callers.total[ROOT] += tree.total[node];
        let into = ROOT;
        for (let at = node; at > ROOT; at = tree.parent[at]) {
            into = callers.child(into, tree.function[at]);
            callers.calls[into] += tree.calls[node];
            callers.total[into] += tree.total[node];
        }
        callers.own[into] += tree.total[node];
    }
    return callers;
}

/**
 * Functions right above and below a function, each with the calls between the two and the time in them; a call
 * that is inside another one between the same two counts as a call, but not with its time.
 * @param {CallTree} tree @param {number} of
 * @returns {Generator<number, {callers: Neighbour[], callees: Neighbour[]}>}
 *
 * @typedef {{function: number, calls: number, total: number}} Neighbour  function -1: it was called by none
 */
export function* neighbours(tree, of) {
    const [callers, callees] = [new Map(), new Map()];
    const add = (to, other, node) => {
        const entry = to.get(other) ?? { function: other, calls: 0, total: 0 };
        to.set(other, entry);
        entry.calls += tree.calls[node];
        entry.total += isInner(tree, node) ? 0 : tree.total[node];
    };
    for (let node = 1; node < tree.count; node += 1) {
        if (node % RUN === 0) {
            yield node / tree.count;
        }
        const caller = tree.function[tree.parent[node]];
        if (tree.function[node] === of) {
            add(callers, caller, node);
        }
        if (caller === of) {
            add(callees, tree.function[node], node);
        }
    }
    return { callers: [...callers.values()], callees: [...callees.values()] };
}

/** Whether a node is below another one with the same function and the same caller's. */
function isInner(tree, node) {
    const [of, caller] = [tree.function[node], tree.function[tree.parent[node]]];
    for (let at = tree.parent[node]; at > ROOT; at = tree.parent[at]) {
        if (tree.function[at] === of && tree.function[tree.parent[at]] === caller) {
            return true;
        }
    }
    return false;
}
