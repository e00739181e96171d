// What of a served trace is loaded. The page has all of it with little detail; a tile has more of a time. All parts of
// the page ask here whether all calls of a range are there.

import { Decoder } from "./decode.js";
import { addBlocks } from "./blocks.js";
import { hide, KEPT } from "./hiding.js";
import { nameOf } from "./names.js";
import { splicing } from "./splice.js";
import { ofCalls } from "./model.js";

/**
 * A part of the trace with more detail.
 * @typedef {{from: number, to: number, shortest: number, calls: number, tracks: Map<string, object>}} Tile
 */

export class Loaded {
    /** @param {import("./model.js").Trace} trace  that of a page to which a server adds */
    constructor(trace) {
        this.trace = trace;
        /** The tile that is in the calls of the tracks. @type {Tile|null} */
        this.tile = null;
        for (const { tracks } of trace.processes) {
            ofCalls(tracks).forEach((track, at) => {
                track.isServed = true;
                track.key = keyOf(track, at);
                track.whole = columnsOf(track);
                track.parts?.forEach((part) => (part.whole = part.calls));
            });
        }
        const births = trace.processes.map(({ birth }) => birth).filter((birth) => birth);
        births.forEach((birth) => (birth.call = nameOf(birth.track, birth.call)));
        // Files that are saved have no arrows from calls, whose indices change.
        trace.flows.forEach((flow) => (flow.fromCall = -1));
        trace.lastWords.forEach(({ threads }) => threads.forEach((thread) => (thread.whole = thread.frames)));
    }

    /** Returns the duration below which calls are merged somewhere in a range; 0 if all of its calls are there. */
    shortest({ from, to }) {
        const { tile, trace } = this;
        const [begin, end] = [Math.max(from, 0), Math.min(to, trace.duration)];
        return tile && tile.from <= begin && end < tile.to ? tile.shortest : trace.served.shortest;
    }

    /** Whether all calls of a range are there. @param {{from: number, to: number}} range */
    isWhole(range) {
        return this.shortest(range) === 0;
    }

    /**
     * Prepares the calls with another tile, in steps; nothing changes yet.
     * @param {Tile} tile
     * @returns {Generator<void, Map<object, object>>}  by track that changes, its new columns and places
     */
    *preparing(tile) {
        const changes = new Map();
        for (const track of ofCalls(this.trace.tracks)) {
            const now = tile.tracks.get(track.key);
            if (now) {
                changes.set(track, yield* splicing(track.whole, now, tile));
            } else if (this.tile?.tracks.has(track.key)) {
                changes.set(track, { columns: track.whole });
            }
        }
        return changes;
    }

    /** Puts a tile into the calls. @param {Tile} tile @param {Map<object, object>} changes  that were prepared */
    use(tile, changes) {
        const { hidden } = this.trace;
        for (const [track, change] of changes) {
            track.recorded = change.columns;
            this.#renewParts(track, tile.tracks.get(track.key), change);
        }
        for (const { threads } of this.trace.lastWords) {
            threads.forEach((thread) => renewFrames(thread, changes.get(thread.track)));
        }
        this.tile = tile;
        hide(this.trace, hidden?.functions ?? null, hidden?.words);
    }

    /** A task that ran on several threads knows which of its calls ran on which. */
    #renewParts(track, ofTile, { places, ofTile: own }) {
        track.parts?.forEach((part, at) => {
            const calls = part.whole && places ? placed(part.whole, places) : part.whole;
            const more = part.whole && places ? placed(ofTile?.parts?.[at]?.calls ?? [], own) : [];
            const all = calls && more.length > 0 ? Int32Array.from(new Set([...calls, ...more])).sort() : calls;
            part.calls = all;
            part.recorded = { calls: all };
        });
    }
}

function columnsOf(track) {
    return Object.fromEntries(KEPT.map((name) => [name, track[name]]));
}

function placed(calls, places) {
    return calls.map((call) => places[call]).filter((call) => call >= 0);
}

function renewFrames(thread, change) {
    if (change) {
        const frame = (of) => ({ ...of, call: change.places ? change.places[of.call] : of.call });
        thread.frames = thread.whole.map(frame).filter(({ call }) => call >= 0);
        thread.recorded = thread.frames;
    }
}

/** Names a track by its process and its place there. A tile has no tracks of tasks without calls. */
function keyOf({ process, kind, tid }, at) {
    return kind === "task" ? `${process.index} ${tid}` : `${process.index} t${at}`;
}

/**
 * Reads a tile.
 * @param {string} text  as the server sends it
 * @param {import("./model.js").Trace} trace
 * @returns {Promise<Tile>}
 */
export async function readTile(text, { served }) {
    const page = new DOMParser().parseFromString(text, "text/html");
    const about = JSON.parse(page.getElementById("tile").textContent);
    const processes = served.header.processes.map((of) => ({ ...of, calls: [] }));
    let calls = 0;
    for (const [process, ...counts] of about.calls) {
        processes[process].calls.push(counts);
        calls += counts[2];
    }
    const decoder = new Decoder({ ...served.header, processes });
    await addBlocks(decoder, page, () => {});
    const tracks = new Map();
    for (const process of decoder.finish().processes) {
        process.tracks.forEach((track, at) => track.count > 0 && tracks.set(keyOf(track, at), track));
    }
    const { from, to, shortest } = about;
    return { from, to, shortest, calls, tracks };
}
