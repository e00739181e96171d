// The frames of the timeline: schedules them, prepares levels of detail in time slices, and draws.

import { Levels } from "../data/levels.js";
import { placedRows } from "./draw.js";
import { Painter } from "./painter.js";

/** Milliseconds of a frame for preparing levels: while the view moves, and while it rests. */
const PREPARE = { moving: 6, resting: 30 };
/** Milliseconds without movement after which the view rests. */
const REST = 200;

export class Frames {
    /** @param {object} timeline  see timeline.js */
    constructor(timeline) {
        this.timeline = timeline;
        this.painter = new Painter(timeline.stage, timeline.trace);
        /** The rows that were drawn last, with their positions. */
        this.placed = [];
        this.isScheduled = false;
        this.levels = new Map();
        this.levelsOf = (track) => this.#levelsOf(track);
        this.movedAt = -REST;
    }

    /** Notes a movement of the view. */
    moved() {
        this.movedAt = performance.now();
    }

    /** Draws with the next frame. */
    request() {
        if (!this.isScheduled) {
            this.isScheduled = true;
            requestAnimationFrame((now) => this.#draw(now));
        }
    }

    /** Recomputes the colours and draws with the next frame. */
    repaint() {
        this.painter.repaint();
        this.request();
    }

    /** Prepares the calls of all tracks again. */
    forget() {
        this.levels.clear();
        this.request();
    }

    /** Uses these levels for some tracks, and prepares the others of them again. */
    replace(tracks, levels) {
        tracks.forEach((track) => this.levels.delete(track));
        levels.forEach((own, track) => this.levels.set(track, own));
        this.request();
    }

    #levelsOf(track) {
        let found = this.levels.get(track);
        if (!found) {
            found = new Levels(track);
            this.levels.set(track, found);
        }
        return found;
    }

    #draw(now) {
        const { minimap, motion, names, rows, stage, view } = this.timeline;
        this.isScheduled = false;
        if (stage.width <= 0) {
            return;
        }
        const moving = motion.step(now);
        const resting = !moving && now - this.movedAt > REST;
        const deadline = performance.now() + (resting ? PREPARE.resting : PREPARE.moving);
        const scene = this.painter.scene(view, rows.layout, this.timeline.hits, this.levelsOf);
        this.placed = placedRows(scene);
        const prepared = this.placed.every(({ row }) => !row.track || this.levelsOf(row.track).work(deadline));
        const summing = minimap.work(deadline);
        this.painter.draw(scene, this.timeline);
        names.show(this.placed, scene.layout.pinnedHeight);
        this.timeline.gestures.grips.place();
        if (moving || !prepared || summing) {
            this.request();
        }
    }
}
