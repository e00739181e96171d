// Loads more of a served trace while the view moves: a tile of what is visible, with a margin at both sides. What is
// there is drawn meanwhile. One request runs at a time, and the newest one wins.

import { Levels } from "../data/levels.js";
import { Loaded, readTile } from "../data/loaded.js";
import { pause } from "../data/pause.js";
import { ask, NoAnswer } from "../server.js";
import { inSlices } from "../statistics/slices.js";

/** Milliseconds without movement before a tile is asked for. */
const REST = 120;
/** Merged calls are shorter than this part of a pixel. */
const DETAIL = 0.5;
/** How many views wide a tile is. */
const WIDE = 3;
/** Calls of the tiles that are kept. */
const KEPT = 2_000_000;
/** Milliseconds of a slice of preparation. */
const SLICE = 6;

export class Tiles {
    #timer = 0;
    #stop = null;
    #working = Promise.resolve();
    /** @type {import("../data/loaded.js").Tile[]} the newest first */
    #kept = [];

    /** @param {object} timeline  see timeline.js @param {(sentence: string) => void} tell  what went wrong */
    constructor(timeline, tell) {
        Object.assign(this, { timeline, tell });
        this.trace = timeline.trace;
        this.trace.loaded = new Loaded(this.trace);
        this.failed = "";
    }

    /** Looks whether the view needs a tile, as soon as it rests. */
    moved() {
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.#look(), REST);
    }

    /** Resolves when nothing is being loaded. */
    async settled() {
        while (this.#timer !== 0 || this.#stop) {
            await this.#working;
            await new Promise((resume) => setTimeout(resume, 20));
        }
    }

    #look() {
        this.#timer = 0;
        const view = this.timeline.motion.end;
        const isNew = !this.#isEnough(view);
        if (!isNew && this.#stop === null) {
            return;
        }
        this.#stop?.abort();
        this.#stop = null;
        if (isNew) {
            const stop = new AbortController();
            this.#stop = stop;
            this.#working = this.#load({ from: view.from, to: view.to, scale: view.scale }, stop);
        }
    }

    /** Whether the calls of the view that are wide enough to be seen are there, and all of them if they are few. */
    #isEnough({ from, to, scale }) {
        const { tile } = this.trace.loaded;
        const shortest = this.trace.loaded.shortest({ from, to });
        const isOfTile = tile !== null && shortest === tile.shortest;
        return shortest <= scale && (shortest === 0 || !this.#areFew(from, to) || (isOfTile && isNear(tile, from, to)));
    }

    /** Whether a tile of this time probably has all calls. */
    #areFew(from, to) {
        const { duration, served } = this.trace;
        return ((to - from) / duration) * WIDE * served.calls <= 2 * served.whole;
    }

    async #load(view, stop) {
        try {
            const tile = this.#known(view) ?? (await this.#fetched(view, stop.signal));
            this.#kept = [tile, ...this.#kept.filter((of) => of !== tile)];
            let calls = 0;
            this.#kept = this.#kept.filter((of, at) => (calls += of.calls) <= KEPT || at === 0);
            await this.#show(tile, stop.signal);
            this.#tellOnce("");
        } catch (error) {
            if (!stop.signal.aborted) {
                const { message } = error;
                this.#tellOnce(error instanceof NoAnswer ? message : `This part cannot be shown: ${message}`);
            }
        } finally {
            if (this.#stop === stop) {
                this.#stop = null;
            }
        }
    }

    #tellOnce(words) {
        if (words !== "" && words !== this.failed) {
            this.tell(words);
        }
        this.failed = words;
    }

    #known({ from, to, scale }) {
        const { duration } = this.trace;
        const [begin, end] = [Math.max(from, 0), Math.min(to, duration)];
        const areFew = this.#areFew(from, to);
        const isEnough = (of) => of.shortest <= scale && (of.shortest === 0 || !areFew || isNear(of, from, to));
        return this.#kept.find((of) => of.from <= begin && end < of.to && isEnough(of));
    }

    async #fetched({ from, to, scale }, signal) {
        const margin = ((WIDE - 1) / 2) * (to - from);
        const time = { from: Math.max(0, Math.floor(from - margin)), to: Math.ceil(Math.max(to, 0) + margin) + 1 };
        const text = await ask(this.trace, "tile", { ...time, shortest: Math.floor(scale * DETAIL) }, signal);
        return readTile(text, this.trace);
    }

    /** Prepares the calls and their levels in slices, and then shows them at once. */
    async #show(tile, signal) {
        const { loaded } = this.trace;
        const changes = await inSlices(loaded.preparing(tile), { signal });
        const levels = new Map();
        if (!this.trace.hidden) {
            for (const [track, { columns }] of changes) {
                const own = new Levels({ ...track, ...columns });
                while (!own.work(performance.now() + SLICE)) {
                    await pause();
                }
                own.track = track;
                levels.set(track, own);
            }
        }
        if (!signal.aborted) {
            this.timeline.replaceLoaded(() => loaded.use(tile, changes), levels, [...changes.keys()]);
        }
    }
}

/** Whether a tile was asked for with about this view. */
function isNear(tile, from, to) {
    return tile.to - tile.from <= (WIDE + 0.5) * (to - from);
}
