// A tree of functions of limited size: if it grows too large, its smallest branches are merged.

/** The root. */
export const ROOT = 0;
/** The function of merged branches. */
export const REST = -2;
/** The approximate limit of nodes; each takes some 60 bytes. */
const LIMIT = 1 << 17;
/** Numbers in a slot: node, parent, function, and one for alignment. */
const WIDTH = 4;

const COLUMNS = { function: Int32Array, parent: Int32Array, calls: Float64Array, total: Float64Array,
    own: Float64Array, firstChild: Int32Array, nextSibling: Int32Array };

/** Callers have lower node numbers than their callees. */
export class CallTree {
    /** A hash table of nodes. Each slot contains its key, so a lookup touches one memory location. */
    #slots = new Int32Array(WIDTH << 9).fill(-1);

    /** @param {number} limit */
    constructor(limit = LIMIT) {
        this.limit = limit;
        this.count = 0;
        /** Branches with less time than this were merged, in nanoseconds. */
        this.least = 0;
        /** `total` and `own` are nanoseconds, with and without those of the children. */
        for (const [name, Column] of Object.entries(COLUMNS)) {
            this[name] = new Column(1 << 8);
        }
        this.#add(-1, -1);
    }

    /** Returns the child of a node for a function, or -1. */
    childOf(parent, of) {
        return this.#slots[this.#slot(parent, of)];
    }

    /** Returns the child of a node for a function, or a new one. */
    child(parent, of) {
        const slot = this.#slot(parent, of);
        if (this.#slots[slot] >= 0) {
            return this.#slots[slot];
        }
        const node = this.#add(parent, of);
        this.#fill(slot, node);
        if (this.count * 2 * WIDTH > this.#slots.length) {
            this.#rehash();
        }
        return node;
    }

    /** Returns the children of a node, longest time first. @returns {number[]} */
    children(node) {
        const found = [];
        for (let child = this.firstChild[node]; child >= 0; child = this.nextSibling[child]) {
            found.push(child);
        }
        return found.sort((a, b) => this.total[b] - this.total[a] || this.function[a] - this.function[b]);
    }

    /** Returns the functions from the root to a node. @returns {number[]} */
    path(node) {
        const path = [];
        for (let at = node; at > ROOT; at = this.parent[at]) {
            path.push(this.function[at]);
        }
        return path.reverse();
    }

    /** Returns the node with this path of functions, or -1. */
    find(path) {
        return path.reduce((node, of) => (node < 0 ? -1 : this.childOf(node, of)), ROOT);
    }

    get isFull() {
        return this.count > this.limit;
    }

    /** The time in merged branches. */
    get rest() {
        let sum = 0;
        for (let node = 1; this.least > 0 && node < this.count; node += 1) {
            sum += this.function[node] === REST ? this.total[node] : 0;
        }
        return sum;
    }

    /** Merges the smallest branches, each with its siblings. Returns the new number of every node. */
    fold() {
        const { count, parent, calls, total } = this;
        const functions = this.function;
        this.least = Math.max(this.#leastOf(this.limit / 4), this.least);
        // No node moves to a higher number, so this works in place.
        const moved = new Int32Array(count);
        this.#slots.fill(-1);
        this.count = 1;
        this.firstChild[ROOT] = -1;
        for (let node = 1; node < count; node += 1) {
            const around = moved[parent[node]];
            const [ofNode, time] = [calls[node], total[node]];
            if (functions[around] === REST) {
                moved[node] = around;
                calls[around] += ofNode;
                continue;
            }
            const before = this.count;
            const target = this.child(around, time < this.least ? REST : functions[node]);
            moved[node] = target;
            calls[target] = ofNode + (target < before ? calls[target] : 0);
            total[target] = time + (target < before ? total[target] : 0);
        }
        calls.fill(0, this.count);
        total.fill(0, this.count);
        return moved;
    }

    /** Computes the self time of each node. */
    finish() {
        const { count, parent, total, own } = this;
        own.set(total);
        own[ROOT] = 0;
        for (let node = 1; node < count; node += 1) {
            own[parent[node]] -= parent[node] === ROOT ? 0 : total[node];
        }
        return this;
    }

    /** Returns a time that at most a given number of nodes exceed. */
    #leastOf(nodes) {
        const byPower = new Uint32Array(64);
        for (let node = 1; node < this.count; node += 1) {
            byPower[Math.max(Math.ceil(Math.log2(this.total[node] + 1)), 0)] += 1;
        }
        let power = byPower.length;
        for (let sum = 0; power > 0 && sum + byPower[power - 1] <= nodes; power -= 1) {
            sum += byPower[power - 1];
        }
        return 2 ** (power - 1);
    }

    /** Returns the slot of a child, or the free slot for it. */
    #slot(parent, of) {
        const slots = this.#slots;
        const last = slots.length - WIDTH;
        let slot = (hash(parent, of) * WIDTH) & last;
        while (slots[slot] >= 0 && (slots[slot + 1] !== parent || slots[slot + 2] !== of)) {
            slot = (slot + WIDTH) & last;
        }
        return slot;
    }

    #fill(slot, node) {
        this.#slots[slot] = node;
        this.#slots[slot + 1] = this.parent[node];
        this.#slots[slot + 2] = this.function[node];
    }

    #add(parent, of) {
        const node = this.count;
        if (node === this.function.length) {
            for (const name of Object.keys(COLUMNS)) {
                this[name] = longer(this[name], node * 2);
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
        for (let node = 1; node < this.count; node += 1) {
            this.#fill(this.#slot(this.parent[node], this.function[node]), node);
        }
    }
}

function hash(parent, of) {
    const mixed = Math.imul(parent, 0x9e3779b1) ^ Math.imul(of, 0x85ebca6b);
    return mixed ^ (mixed >>> 15);
}

/** Copies numbers into a longer array. @template T @param {T} numbers @param {number} length @returns {T} */
export function longer(numbers, length) {
    const result = new numbers.constructor(length);
    result.set(numbers);
    return result;
}
