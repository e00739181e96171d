// The timeline's reactions to pointers and keys. input.js recognizes the gestures.

import { Grips } from "./grips.js";
import { hitAt } from "./hit.js";
import { CLICK, DOUBLE_CLICK, followKeys, followRuler, followTracks } from "./input.js";
import { followPointer } from "./minimap.js";
import { zoneOf } from "./ruler.js";
import { nextEdge, snapped } from "./snap.js";
import { Tooltip, about } from "./tooltip.js";
import { Tour } from "./tour.js";

export class Gestures {
    /** @param {object} timeline  see timeline.js */
    constructor(timeline) {
        this.timeline = timeline;
        this.tooltip = new Tooltip(document.body);
        this.tour = new Tour(timeline);
        this.grips = new Grips(timeline, {
            timeAt: (x, isFree) => this.#timeAt(x, isFree),
            next: (time, by) => nextEdge(timeline.placed, timeline.levelsOf, time, by),
            show: (from, to) => this.#showRange(from, to),
        });
        /** The pointer's position in pixels, and the call under it. */
        this.pointer = null;
        this.hovered = null;
        this.clicked = null;
    }

    /** Starts to follow pointers and keys. */
    listen() {
        const { stage, motion, rows, view } = this.timeline;
        const act = this.#actions();
        followTracks(stage.canvas, act);
        followRuler(stage.ruler, act);
        document.addEventListener("click", (event) => this.#clickElsewhere(event), true);
        followPointer(stage.overview, view, (from, to) => motion.jump((own) => own.show(from, to)));
        followKeys(stage.canvas, (what, value) => this.#key(what, value));
        stage.scroller.addEventListener("scroll", () => this.timeline.frames.request());
        stage.unhide.addEventListener("click", () => rows.unhide());
        stage.wall.addEventListener("click", () => this.timeline.setClock(this.timeline.clock === null));
        stage.wall.title = `Show the time of day (${zoneOf(this.timeline.trace.baseRealtime, 0)}) on the ruler`;
        stage.arrows.addEventListener("click", () => this.timeline.setArrows(!this.timeline.painter.hasArrows));
        stage.arrows.hidden = this.timeline.trace.flows.length === 0;
        stage.wall.hidden = this.timeline.trace.baseRealtime === null;
    }

    /** Hides the tooltip, whose call has moved. */
    leave() {
        this.hovered = null;
        this.tooltip.hide();
    }

    #actions() {
        const { motion, stage } = this.timeline;
        return {
            zoomAt: (x, factor) => motion.jump((view) => view.zoomAt(x, factor)),
            pan: (dx, dy) => {
                stage.scroller.scrollTop += dy;
                motion.jump((view) => view.pan(dx));
            },
            hover: (x, y) => this.#hover(x, y),
            click: (x, y) => this.#clickAt(x, y),
            open: (x, y) => this.#open(this.#hit(x, y)),
            range: (x1, x2, done, isFree) => this.#drag(x1, x2, done, isFree),
        };
    }

    #hit(x, y) {
        const { frames, view, stage } = this.timeline;
        return hitAt(frames.placed, view, frames.levelsOf, x, y, stage.ratio);
    }

    #hover(x, y) {
        const { frames, stage, trace } = this.timeline;
        this.pointer = x;
        const hit = x === null || y === null ? null : this.#hit(x, y);
        this.hovered = hit?.call === undefined ? null : hit;
        if (hit && !hit.process) {
            const { left, top } = stage.canvas.getBoundingClientRect();
            this.tooltip.show(about(hit, trace, hit.track && frames.levelsOf(hit.track)), left + x, top + y);
        } else {
            this.tooltip.hide();
        }
        frames.request();
    }

    #clickAt(x, y) {
        const { left, top } = this.timeline.stage.canvas.getBoundingClientRect();
        const hit = this.#hit(x, y);
        this.clicked = { hit, x: left + x, y: top + y, time: performance.now() };
        this.#click(hit);
    }

    /** The first click of a double click may open the panel at its place. The second one is for the call, too. */
    #clickElsewhere(event) {
        const { clicked } = this;
        const isThere = clicked && Math.hypot(event.clientX - clicked.x, event.clientY - clicked.y) < CLICK;
        if (isThere && performance.now() - clicked.time < DOUBLE_CLICK && event.target !== this.timeline.stage.canvas) {
            event.preventDefault();
            event.stopImmediatePropagation();
            this.clicked = null;
            this.#open(clicked.hit);
        }
    }

    #click(hit) {
        if (hit && hit.call === undefined) {
            const { track, counter, at, gap, process } = hit;
            const ofTrack = gap ? { track, gap } : { track, at };
            this.timeline.selectPoint(process ? { process } : counter ? { counter, at } : ofTrack);
        } else {
            this.timeline.select(hit?.track ?? null, hit?.call ?? -1);
        }
    }

    #open(hit) {
        if (hit?.call !== undefined) {
            this.timeline.fitCall(hit);
        } else if (hit?.gap) {
            this.timeline.fitTime(hit.gap.start, hit.gap.end);
        }
    }

    /** Drags a range. Other parts learn about it at the end. */
    #drag(x1, x2, done, isFree) {
        const [from, to] = [Math.min(x1, x2), Math.max(x1, x2)].map((x) => this.#timeAt(x, isFree));
        if (done) {
            this.timeline.setRange(...(x1 === x2 ? [null, null] : [from, to]));
        } else {
            this.#showRange(from, to);
        }
    }

    #showRange(from, to) {
        this.timeline.range = { from, to };
        this.timeline.frames.request();
    }

    /** Returns the time at a pixel. It snaps to a begin or end of a call nearby, unless it is free. */
    #timeAt(x, isFree) {
        const { view, trace, placed, levelsOf } = this.timeline;
        const time = isFree ? view.timeAt(x) : snapped(placed, view, levelsOf, view.timeAt(x));
        return Math.round(Math.min(Math.max(time, 0), trace.duration));
    }

    #key(what, value) {
        const { timeline, tour } = this;
        const actions = {
            zoom: () => timeline.zoomBy(value),
            pan: () => timeline.motion.glide((view) => view.pan(value * view.width)),
            scroll: () => timeline.stage.scroller.scrollBy(0, value),
            fit: () => timeline.fitSelection(),
            mark: () => this.#markSelection(),
            note: () => timeline.options.onNote?.(),
            all: () => timeline.showAll(),
            clear: () => {
                timeline.setRange(null, null);
                timeline.select(null, -1);
            },
            walk: () => tour.walk(value),
            track: () => tour.toTrack(value),
            point: () => tour.toPoint(value),
        };
        actions[what]();
    }

    /** Makes the time of the selected call the range. */
    #markSelection() {
        if (this.timeline.selection) {
            const { track, call } = this.timeline.selection;
            this.timeline.setRange(track.start[call], track.start[call] + track.duration[call]);
        }
    }
}
