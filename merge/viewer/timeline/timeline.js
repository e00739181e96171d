/**
 * The timeline: rows of calls over time, a minimap, a ruler, the names' column.
 *
 *     const timeline = createTimeline(element, trace, {
 *         onSelect(track, call) {},   // track: Track or null, call: index within the track (or -1)
 *         onRange(from, to) {},       // nanoseconds; (null, null) when the range is taken away
 *         onChange() {},              // view, rows or selection changed: time to write the URL's hash
 *         announce(text) {},          // for the aria-live line
 *         onPoint(point) {},          // an instant, a snapshot, a sample or a gap was selected: see points.js; or null
 *     });
 *
 * What the other parts may call (times are nanoseconds of the model; a track is a Track of the model):
 *
 *     timeline.reveal(track, call)    select the call and bring it into sight: opens and unhides its rows, scrolls,
 *                                     moves or zooms if needed; (track, call, true) puts it into the middle and keeps
 *                                     the zoom where it can be seen
 *     timeline.revealPoint(point)     the same with a point; timeline.point is the selected one, or null
 *     timeline.select(track, call)    select without moving; select(null, -1) selects nothing
 *     timeline.selection              { track, call } or null
 *     timeline.zoomTo(from, to)       show this range of time
 *     timeline.view                   { from, to, width } of what is shown now (read only)
 *     timeline.setRange(from, to)     mark a range (calls onRange); setRange(null, null) takes it away
 *     timeline.range                  { from, to } or null
 *     timeline.mark(hits)             search hits: { functions: Uint8Array (1 at a matching function's index),
 *                                     calls: Map<track.index, Uint32Array of call indices, ascending> };
 *                                     null: no search.
 *                                     Other calls fade, hits get ticks in their tracks and on the minimap.
 *     timeline.setFilter(text)        show only tracks whose process or name contains the text
 *     timeline.setColoring(mode)      "function" | "file" | "process"
 *     timeline.setClock(wall)         the ruler shows the wall clock (true) or the time since the report's zero
 *     timeline.fitSelection(), timeline.showAll(), timeline.zoomBy(factor)
 *     timeline.state()                what state.js writes to the hash; timeline.restore(state) brings it back
 *     timeline.picture()              a new <canvas> with the ruler, names and tracks as they are on the screen now
 *     timeline.colorOf(functionIndex, process)   CSS colour of its calls; timeline.inkOf() that of text upon it
 *     timeline.boxOf(track, call)     where the call is drawn: { left, right, top, height } in CSS pixels of
 *                                     canvas.tracks; null if its row is not in sight
 *     timeline.focus()                puts the keyboard's focus on the tracks
 *
 * The page's body (page.html) has for the panels: #panel (below the timeline, `hidden` until something opens it)
 * with #tabs (role=tablist) and #panes (a .pane per tab), and #splitter above it; #search and #actions, empty, in the
 * toolbar; #alerts for warnings and errors; #progress while loading; #status for announced lines.
 */

import { Levels } from "../data/levels.js";
import { placedRows } from "./draw.js";
import { isIn, pointOf, pointText, timeOf } from "./points.js";
import { hitAt } from "./hit.js";
import { followKeys, followRuler, followTracks } from "./input.js";
import { Minimap, followPointer } from "./minimap.js";
import { Motion } from "./motion.js";
import { Names, shiftOf, wordsOf } from "./names.js";
import { rectangleOf } from "./overlay.js";
import { Painter } from "./painter.js";
import { Rows } from "./rows.js";
import { Stage } from "./stage.js";
import { Tooltip, about } from "./tooltip.js";
import { Tour, inWords } from "./tour.js";
import { View } from "./view.js";

/** Milliseconds of a frame that may go into preparing levels: while moving, and while nothing moves. */
const PREPARE = { moving: 6, resting: 30 };
/** Milliseconds in which a second click makes a double one. */
const TWICE = 500;
/** Milliseconds without movement after which the view rests. */
const REST = 200;

export function createTimeline(element, trace, options = {}) {
    return new Timeline(element, trace, options);
}

class Timeline {
    constructor(element, trace, options) {
        Object.assign(this, { trace, options });
        this.selection = null;
        this.point = null;
        this.range = null;
        this.hits = null;
        this.hovered = null;
        this.pointer = null;
        this.movedAt = -REST;
        this.clock = null;
        this.placed = [];
        this.levels = new Map();
        this.levelsOf = (track) => this.#levelsOf(track);
        this.view = new View(trace.duration);
        this.motion = new Motion(this.view, () => this.#moved());
        this.stage = new Stage(element, () => this.#resized());
        this.painter = new Painter(this.stage, trace);
        this.minimap = new Minimap(this.stage.overview, trace, this.levelsOf);
        this.rows = new Rows(trace, this.stage, () => this.#changed());
        this.names = new Names(this.stage.column, this.rows, () => this.placed);
        this.tooltip = new Tooltip(document.body);
        this.tour = new Tour(this);
        this.#listen();
    }

    // What the other parts may call; told at the top.

    select(track, call) {
        this.#selectPoint(null);
        this.selection = track ? { track, call } : null;
        this.stage.canvas.setAttribute("aria-description", track ? inWords(this.trace, track, call) : "");
        this.options.onSelect?.(track ?? null, track ? call : -1);
        this.#changed();
    }

    reveal(track, call, keepsZoom = false) {
        const [from, to] = [track.start[call], track.start[call] + track.duration[call]];
        this.select(track, call);
        // What shows the selection may have taken room.
        if (this.stage.scroller.clientHeight !== this.stage.height && this.stage.fit()) {
            this.#resized();
        }
        this.rows.open(track, call);
        this.rows.scrollTo(track, call);
        this.motion.glide((view) => view.reveal(from, to, keepsZoom));
    }

    revealPoint(point) {
        this.rows.openRow(point.counter ? `c${this.trace.counters.indexOf(point.counter)}` : `t${point.track.index}`,
            (point.counter ?? point.track).process);
        this.rows.scrollToRow(this.rows.all.find((row) => isIn(point, row)));
        this.motion.glide((view) => view.revealTime(timeOf(point)));
        this.select(null, -1);
        this.#selectPoint(point);
        this.#changed();
    }

    #selectPoint(point) {
        if (point !== this.point) {
            this.point = point;
            this.options.onPoint?.(point);
        }
    }

    zoomTo(from, to) {
        this.motion.glide((view) => view.show(from, to));
    }

    zoomBy(factor, x = this.pointer ?? this.view.width / 2) {
        this.motion.glide((view) => view.zoomAt(x, factor));
    }

    showAll() {
        this.motion.glide((view) => view.showAll());
    }

    fitSelection() {
        const { selection, range } = this;
        if (range) {
            this.#fitTime(range.from, range.to);
        } else if (selection) {
            this.#fitCall(selection);
        } else if (this.point?.gap) {
            this.#fitTime(this.point.gap.start, this.point.gap.end);
        }
    }

    #fitCall({ track, call }) {
        this.#fitTime(track.start[call], track.start[call] + track.duration[call]);
    }

    #fitTime(from, to) {
        this.motion.glide((view) => view.fit(from, to));
    }

    setRange(from, to) {
        this.range = from === null ? null : { from: Math.min(from, to), to: Math.max(from, to) };
        this.options.onRange?.(this.range?.from ?? null, this.range?.to ?? null);
        this.#changed();
    }

    mark(hits) {
        this.hits = hits;
        this.minimap.mark(hits);
        this.painter.found = hits?.functions ?? null;
        this.#repaint();
    }

    setFilter(text) {
        this.rows.setFilter(text);
    }

    setColoring(mode) {
        this.painter.coloring = mode;
        this.#repaint();
        this.#changed();
    }

    setClock(wall) {
        this.clock = wall ? this.trace.baseRealtime : null;
        this.stage.wall.setAttribute("aria-pressed", String(this.clock !== null));
        this.#changed();
    }

    colorOf(index, process) {
        return this.painter.colors.colorOf(index, process);
    }

    inkOf() {
        return this.painter.colors.ink;
    }

    boxOf(track, call) {
        return rectangleOf(this, this.placed, track, call);
    }

    focus() {
        this.stage.canvas.focus();
    }

    state() {
        const { selection, range } = this;
        const { from, to, duration } = this.motion.end;
        return {
            ...this.rows.state(),
            view: from <= 0 && to >= duration ? undefined : [from, to],
            selection: selection ? [selection.track.index, selection.call] : undefined,
            point: this.point ? pointText(this.trace, this.point) : undefined,
            range: range ? [range.from, range.to] : undefined,
            coloring: this.painter.coloring === "function" ? undefined : this.painter.coloring,
            clock: this.clock === null ? undefined : "wall",
        };
    }

    restore(state) {
        const { view, selection, range, coloring, clock } = state;
        this.rows.restore(state);
        this.setColoring(coloring ?? "function");
        this.setClock(clock === "wall");
        this.motion.jump((own) => (view ? own.show(...view) : own.showAll()));
        const track = this.trace.tracks[selection?.[0]];
        if (track && selection[1] in track.start) {
            this.select(track, selection[1]);
            this.rows.scrollTo(track, selection[1]);
        } else if (this.selection || this.point) {
            this.select(null, -1);
        }
        this.#selectPoint(pointOf(this.trace, state.point));
        if (range || this.range) {
            this.setRange(...(range ?? [null, null]));
        }
    }

    picture() {
        const { pinnedHeight } = this.rows.layout;
        const named = this.placed.flatMap((one) => {
            const { row, y, fixed } = one;
            const { name, number } = wordsOf(row);
            const top = y + shiftOf(one, pinnedHeight);
            return !fixed && top + 8 < pinnedHeight ? [] : [[`${name}  ${number}`, top, row.kind === "process"]];
        });
        return this.stage.picture(this.painter.theme, named);
    }

    #levelsOf(track) {
        let found = this.levels.get(track);
        if (!found) {
            found = new Levels(track);
            this.levels.set(track, found);
        }
        return found;
    }

    // What pointers and keys do.

    #listen() {
        const { stage, motion } = this;
        const act = this.#actions();
        followTracks(stage.canvas, act);
        followRuler(stage.ruler, act);
        followPointer(stage.overview, this.view, (from, to) => motion.jump((view) => view.show(from, to)));
        followKeys(stage.canvas, (what, value) => this.#key(what, value));
        stage.scroller.addEventListener("scroll", () => this.#invalidate());
        stage.unhide.addEventListener("click", () => this.rows.unhide());
        stage.wall.addEventListener("click", () => this.setClock(this.clock === null));
        stage.wall.hidden = this.trace.baseRealtime === null;
        this.painter.dark.addEventListener("change", () => this.#repaint());
    }

    #actions() {
        const { motion, stage } = this;
        return {
            zoomAt: (x, factor) => motion.jump((view) => view.zoomAt(x, factor)),
            pan: (dx, dy) => {
                stage.scroller.scrollTop += dy;
                motion.jump((view) => view.pan(dx));
            },
            hover: (x, y) => this.#hover(x, y),
            click: (x, y) => this.#click(this.#hit(x, y)),
            open: (x, y) => {
                const hit = this.#hit(x, y);
                if (hit?.call !== undefined) {
                    this.#fitCall(hit);
                } else if (hit?.gap) {
                    this.#fitTime(hit.gap.start, hit.gap.end);
                }
            },
            range: (x1, x2, done) => this.#drag(x1, x2, done),
        };
    }

    #click(hit) {
        this.select(hit?.call === undefined ? null : hit.track, hit?.call ?? -1);
        if (hit && hit.call === undefined) {
            const { track, counter, at, gap } = hit;
            this.#selectPoint(counter ? { counter, at } : gap ? { track, gap } : { track, at });
            this.#changed();
        }
    }

    /** A range follows the pointer; the others hear of it when it is done. */
    #drag(x1, x2, done) {
        const within = (x) => Math.round(Math.min(Math.max(this.view.timeAt(x), 0), this.trace.duration));
        const [from, to] = [within(Math.min(x1, x2)), within(Math.max(x1, x2))];
        if (done) {
            this.setRange(...(x1 === x2 ? [null, null] : [from, to]));
        } else {
            this.range = { from, to };
            this.#invalidate();
        }
    }

    #key(what, value) {
        const { motion, stage } = this;
        const actions = {
            zoom: () => this.zoomBy(value),
            pan: () => motion.glide((view) => view.pan(value * view.width)),
            scroll: () => stage.scroller.scrollBy(0, value),
            fit: () => this.fitSelection(),
            mark: () => this.#markSelection(),
            all: () => this.showAll(),
            clear: () => {
                this.setRange(null, null);
                this.select(null, -1);
            },
            walk: () => this.tour.walk(value),
            track: () => this.tour.toTrack(value),
            point: () => this.tour.toPoint(value),
        };
        actions[what]();
    }

    /** The selected call's time becomes the range. */
    #markSelection() {
        if (this.selection) {
            const { track, call } = this.selection;
            this.setRange(track.start[call], track.start[call] + track.duration[call]);
        }
    }

    #hit(x, y) {
        return hitAt(this.placed, this.view, this.levelsOf, x, y, this.stage.ratio);
    }

    #hover(x, y) {
        this.pointer = x;
        const hit = x === null || y === null ? null : this.#hit(x, y);
        this.hovered = hit?.call === undefined ? null : hit;
        if (hit) {
            const { left, top } = this.stage.canvas.getBoundingClientRect();
            this.tooltip.show(about(hit, this.trace, hit.track && this.levelsOf(hit.track)), left + x, top + y);
        } else {
            this.tooltip.hide();
        }
        this.#invalidate();
    }

    // Frames.

    #moved() {
        this.movedAt = performance.now();
        this.hovered = null;
        this.tooltip.hide();
        this.#changed();
    }

    #changed() {
        this.#invalidate();
        this.options.onChange?.();
    }

    #repaint() {
        this.painter.repaint();
        this.#invalidate();
    }

    #resized() {
        const { selection, stage } = this;
        if (selection && stage.height < this.height) {
            // What opened the panel may be below it now; it may be clicked once more at its place.
            clearTimeout(this.settling);
            this.settling = setTimeout(() => this.rows.scrollTo(selection.track, selection.call), TWICE);
        }
        this.height = stage.height;
        this.view.width = this.stage.width;
        this.minimap.resize(this.stage.width);
        this.rows.lay();
    }

    /** Draws anew with the next frame. */
    #invalidate() {
        if (!this.scheduled) {
            this.scheduled = true;
            requestAnimationFrame((now) => this.#frame(now));
        }
    }

    #frame(now) {
        this.scheduled = false;
        if (this.stage.width <= 0) {
            return;
        }
        const moving = this.motion.step(now);
        const resting = !moving && now - this.movedAt > REST;
        const deadline = performance.now() + (resting ? PREPARE.resting : PREPARE.moving);
        const scene = this.painter.scene(this.view, this.rows.layout, this.hits, this.levelsOf);
        this.placed = placedRows(scene);
        const prepared = this.placed.every(({ row }) => !row.track || this.levelsOf(row.track).work(deadline));
        const summing = this.minimap.work(deadline);
        this.painter.draw(scene, this);
        this.names.show(this.placed, scene.layout.pinnedHeight);
        if (moving || !prepared || summing) {
            this.#invalidate();
        }
    }
}
