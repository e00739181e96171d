// Puts a tile into the calls of a track: all calls of the tile, and of the others those outside of its time.
//
// A call that is shown one by one in both is the same one, and is taken from the tile. Merged calls that reach over an
// edge of the tile are cut there: nobody knows how many of them are in the rest, so it is marked as a part.

import { COLUMNS } from "./hiding.js";
import { CLIPPED, endOf, MERGED, UNFINISHED } from "./model.js";

/** Calls between two reads of the clock. */
const STRIDE = 1 << 14;

/**
 * Works in steps.
 * @param {object} whole  the columns of the whole trace
 * @param {object} tile   the columns of the tile
 * @param {{from: number, to: number}} time  of the tile
 * @returns {Generator<void, {columns: object, places: Int32Array, ofTile: Int32Array}>}  new columns, and by call of
 *     `whole` and of `tile` its new index, or -1
 */
export function* splicing(whole, tile, time) {
    const splice = new Splice(whole, tile, time);
    yield* splice.run();
    return splice.result();
}

class Splice {
    constructor(whole, tile, { from, to }) {
        Object.assign(this, { whole, tile, from, to, count: 0 });
        this.edges = edgesOf(tile, from, to);
        const most = whole.count + tile.count + Math.max(whole.maxDepth, 0) + 2;
        this.made = Object.fromEntries(Object.entries(COLUMNS).map(([name, Column]) => [name, new Column(most)]));
        this.args = new Map();
        this.places = new Int32Array(whole.count).fill(-1);
        this.ofTile = new Int32Array(tile.count);
        this.open = [];
        /** Right parts of merged calls, by begin. */
        this.late = [];
        this.next = 0;
    }

    *run() {
        const { whole, tile } = this;
        for (let call = 0; call < whole.count; call += 1) {
            if (call % STRIDE === 0) {
                yield;
            }
            const [start, end] = [whole.start[call], endOf(whole, call)];
            if (end < this.from || start >= this.to) {
                this.#before(start, whole.depth[call]);
                this.#put(whole, call, start, end, this.places);
            } else if (whole.flags[call] & MERGED) {
                this.#cut(call, start, end);
            } else {
                this.#before(start, whole.depth[call]);
                const isThere = tile.start[this.next] === start && tile.depth[this.next] === whole.depth[call];
                if (isThere) {
                    this.places[call] = this.count;
                    this.#keepArguments(call);
                    this.#tileCall();
                }
            }
        }
        this.#before(Infinity, Infinity);
    }

    /** Puts what comes before a begin and a depth. */
    #before(start, depth) {
        const { tile, late } = this;
        const isBefore = (begin, level) => begin < start || (begin === start && level < depth);
        for (;;) {
            const isTile = this.next < tile.count && isBefore(tile.start[this.next], tile.depth[this.next]);
            const [first] = late;
            const isLate = first && isBefore(first.start, this.whole.depth[first.call]);
            if (isLate && !(isTile && tile.start[this.next] <= first.start)) {
                late.shift();
                this.#put(this.whole, first.call, first.start, first.end, null, CLIPPED);
            } else if (isTile) {
                this.#tileCall();
            } else {
                return;
            }
        }
    }

    #tileCall() {
        const { tile, next } = this;
        this.next += 1;
        this.#put(tile, next, tile.start[next], endOf(tile, next), this.ofTile);
    }

    /** Puts the parts of a merged call that are outside of the tile. */
    #cut(call, start, end) {
        const depth = this.whole.depth[call];
        const { begin = this.from, end: last = this.to } = this.edges.get(depth) ?? {};
        if (start < Math.min(begin, this.from)) {
            this.#before(start, depth);
            this.#put(this.whole, call, start, Math.min(begin, this.from), this.places, CLIPPED);
        }
        if (end > Math.max(last, this.to)) {
            this.late.push({ call, start: Math.max(last, this.to), end });
            this.late.sort((one, other) => one.start - other.start);
        }
    }

    #put(of, call, start, end, places, flags = 0) {
        const { made, count, open } = this;
        const depth = of.depth[call];
        made.start[count] = start;
        made.duration[count] = end - start;
        made.function[count] = of.function[call];
        made.depth[count] = depth;
        made.parent[count] = depth > 0 ? open[depth - 1] ?? -1 : -1;
        made.flags[count] = of.flags[call] | flags;
        if (of.args.size > 0 && of.args.has(call)) {
            this.args.set(count, of.args.get(call));
        }
        open[depth] = count;
        if (places) {
            places[call] = count;
        }
        this.count += 1;
    }

    /** The tile lacks the arguments of calls that end behind it. */
    #keepArguments(call) {
        const text = this.whole.args.get(call);
        if (text !== undefined) {
            this.args.set(this.count, text);
        }
    }

    result() {
        const { count, made, args, places, ofTile } = this;
        const columns = { count, args, maxDepth: -1, unfinished: 0 };
        for (const name of Object.keys(COLUMNS)) {
            columns[name] = made[name].slice(0, count);
        }
        for (let call = 0; call < count; call += 1) {
            columns.maxDepth = Math.max(columns.maxDepth, made.depth[call]);
            columns.unfinished += made.flags[call] & UNFINISHED;
        }
        return { columns, places, ofTile };
    }
}

/** Returns, by depth, where the tile's calls begin and end that reach over its edges. */
function edgesOf(tile, from, to) {
    const edges = new Map();
    for (let call = 0; call < tile.count; call += 1) {
        const [start, end] = [tile.start[call], endOf(tile, call)];
        if (start < from || end > to) {
            const edge = edges.get(tile.depth[call]) ?? {};
            edges.set(tile.depth[call], {
                begin: start < from ? start : edge.begin, end: end > to ? end : edge.end,
            });
        }
    }
    return edges;
}
