// Moves the selection through calls, tracks and points by keys; reveals and announces each.

import { beside, isIn, nameOf, pointFrom, pointsIn, timeOf } from "./points.js";
import { mergedCount } from "../data/model.js";
import { timeText } from "./ruler.js";
import { firstCall, neighbour } from "./walk.js";

export class Tour {
    /** @param {object} timeline  see timeline.js */
    constructor(timeline) {
        this.timeline = timeline;
    }

    /** Goes from the selected call or point to the one before, after, above or below. */
    walk(way) {
        if (this.timeline.point) {
            this.#goToPoint(beside(this.timeline.point, way === "previous" || way === "parent" ? -1 : 1, true));
            return;
        }
        if (!this.timeline.selection) {
            this.toTrack(1);
            return;
        }
        const { track, call } = this.timeline.selection;
        const levels = this.timeline.levelsOf(track);
        const next = levels.work(Infinity) ? neighbour(levels, call, way) : -1;
        if (next >= 0) {
            this.#goTo(track, next, way === "next" || way === "previous");
        } else {
            this.timeline.options.announce?.(`No ${way === "longest" ? "child" : way} call.`);
        }
    }

    /** Goes to the track below or above, at the visible time. */
    toTrack(by) {
        const rows = this.timeline.rows.all.filter((row) => row.track?.count > 0 || pointsIn(row) > 0);
        const hasCalls = ({ track }) => track?.count > 0;
        const isAnywhere = this.timeline.selection !== null || this.timeline.point !== null;
        const row = isAnywhere ? rows[Math.max(-1, this.#placeIn(rows) + by)] : rows.find(hasCalls) ?? rows[0];
        const track = row?.track;
        if (row && !hasCalls(row)) {
            this.#goToPoint(pointFrom(row, this.timeline.view.from));
        } else if (track) {
            const levels = this.timeline.levelsOf(track);
            levels.work(Infinity);
            this.#goTo(track, firstCall(levels, this.timeline.view.from, this.timeline.view.to));
        }
    }

    /** Returns the index of the selected row; -1 without a selection. */
    #placeIn(rows) {
        const { selection, point } = this.timeline;
        return rows.findIndex((row) => (selection ? row.track === selection.track : point && isIn(point, row)));
    }

    /** Goes to the instant, snapshot or sample before or after the selection, in its row. */
    toPoint(by) {
        const rows = this.timeline.rows.all.filter((row) => pointsIn(row) > 0);
        const { selection, point } = this.timeline;
        const row = rows[selection || point ? this.#placeIn(rows) : 0];
        if (!row || (point && !point.gap && !point.process)) {
            this.#goToPoint(row ? beside(point, by) : null);
            return;
        }
        const shown = point ? timeOf(point) : this.timeline.view.from;
        const time = selection ? selection.track.start[selection.call] : shown;
        const next = pointFrom(row, time);
        const isLast = timeOf(next) < time;
        this.#goToPoint(by > 0 ? (isLast ? null : next) : isLast ? next : beside(next, -1));
    }

    #goToPoint(point) {
        if (point) {
            this.timeline.revealPoint(point);
        }
        const words = point ? `\u2068${nameOf(point)}\u2069 at ${timeText(timeOf(point))}` : "No more here.";
        this.timeline.options.announce?.(words);
    }

    /** @param {boolean} keepsZoom  for a way along a track */
    #goTo(track, call, keepsZoom = false) {
        this.timeline[keepsZoom ? "approach" : "reveal"](track, call);
        this.timeline.options.announce?.(inWords(this.timeline.trace, track, call));
    }
}

/** Returns a call in words, for screen readers. */
export function inWords({ functions }, track, call) {
    const name = functions.name(track.function[call]);
    const calls = mergedCount(track, call);
    const merged = calls === "" ? "" : `${calls} short calls, the longest of `;
    return `${merged}\u2068${name}\u2069, ${timeText(track.duration[call])}, `
        + `depth ${track.depth[call]}, ${track.name}, process ${track.process.pid}`;
}
