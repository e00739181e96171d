// The user's changes to the rows: collapsing, pinning, hiding, moving, filtering.

import { LANE, arrangement, laneOf, layOut, moved } from "./layout.js";
import { areSiblings } from "./names.js";

/** The largest part of the height for pinned rows; further ones scroll with the others. */
const PINNED = 0.6;

/** Properties of rows, as sets of ids. */
const SETS = ["collapsed", "unfolded", "pinned", "hidden"];

export class Rows {
    /** @param {import("../data/model.js").Trace} trace @param {() => void} changed */
    constructor(trace, stage, changed) {
        Object.assign(this, { trace, stage, changed });
        this.arranged = arrangement();
        this.lay();
    }

    /** Lays the rows out again. */
    lay() {
        const { stage, trace, arranged } = this;
        this.layout = layOut(trace, arranged, stage.height * PINNED, stage.height);
        stage.sheet.style.height = `${this.layout.pinnedHeight + this.layout.height}px`;
        this.#showCounts();
        this.changed();
    }

    get all() {
        return [...this.layout.pinned, ...this.layout.rows];
    }

    /** @param {"collapsed"|"unfolded"|"pinned"|"hidden"} what @param {string} id */
    flip(what, id) {
        const ids = this.arranged[what];
        if (!ids.delete(id)) {
            ids.add(id);
        }
        this.lay();
    }

    unhide() {
        this.arranged.hidden.clear();
        this.lay();
    }

    setFilter(text) {
        this.arranged.filter = text;
        this.lay();
    }

    /** Moves a row before one of its siblings, or to the end. */
    move(row, before) {
        const siblings = this.#siblingsOf(row).map(({ id }) => id);
        this.arranged.order = moved(siblings, this.arranged.order, row.id, before?.id ?? null);
        this.lay();
    }

    /** Moves a row up or down by one. */
    step(row, by) {
        const siblings = this.#siblingsOf(row);
        const at = siblings.findIndex(({ id }) => id === row.id);
        if (siblings[at + by]) {
            this.move(row, siblings[by > 0 ? at + 2 : at - 1] ?? null);
        }
    }

    #siblingsOf(row) {
        return this.all.filter((one) => areSiblings(one, row));
    }

    /** Opens and unhides the rows of a call. */
    open(track, call) {
        if (track.depth[call] > 0) {
            this.arranged.collapsed.delete(`t${track.index}`);
        }
        this.openRow(`t${track.index}`, track.process);
        const row = this.rowOf(track);
        if (row && !row.collapsed && laneOf(row, track.depth[call]) < 0 && row.folded + row.skipped > 0) {
            this.flip("unfolded", row.id);
        }
    }

    /** Makes a row of a process visible. @param {string} id */
    openRow(id, process) {
        const { collapsed, hidden } = this.arranged;
        hidden.delete(`p${process.index}`);
        hidden.delete(id);
        collapsed.delete(`p${process.index}`);
        this.lay();
        const group = this.all.find(({ folds }) => folds?.some(({ index }) => `t${index}` === id));
        if (group) {
            this.flip("unfolded", group.id);
        }
        if (!this.all.some((row) => row.id === id)) {
            this.setFilter("");
        }
    }

    rowOf(track) {
        return this.all.find((row) => row.track === track);
    }

    /** Scrolls until a call is visible. */
    scrollTo(track, call) {
        const row = this.rowOf(track);
        const lane = row && Math.max(0, Math.min(track.depth[call] - row.skipped, row.lanes));
        this.scrollToRow(row, row && row.top + lane * LANE);
    }

    /** Scrolls until a height of a row is visible. */
    scrollToRow(row, height = 0) {
        if (!row || this.layout.pinned.includes(row)) {
            return;
        }
        const { scroller } = this.stage;
        const rest = scroller.clientHeight - this.layout.pinnedHeight;
        const y = row.y + height;
        if (y < scroller.scrollTop || y + 2 * LANE > scroller.scrollTop + rest) {
            scroller.scrollTop = y - rest / 3;
        }
    }

    #showCounts() {
        const total = this.trace.tracks.length;
        const shown = this.arranged.filter === "" ? total : this.all.filter(({ kind }) => kind === "track").length;
        const some = `${total.toLocaleString("en")} track${total === 1 ? "" : "s"}`;
        this.stage.count.textContent = shown === total ? some : `${shown.toLocaleString("en")} of ${some}`;
        this.stage.unhide.textContent = `Show ${this.layout.hidden} hidden`;
        this.stage.unhide.hidden = this.layout.hidden === 0;
    }

    state() {
        const ids = SETS.map((what) => [what, [...this.arranged[what]]]);
        return { ...Object.fromEntries(ids), order: this.arranged.order, filter: this.arranged.filter };
    }

    restore(state) {
        const ids = SETS.map((what) => [what, new Set(state[what])]);
        this.arranged = { ...Object.fromEntries(ids), order: state.order ?? [], filter: state.filter ?? "" };
        this.lay();
    }
}
