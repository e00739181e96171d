/**
 * The timeline: rows of calls over time, a minimap, a ruler, the column of names.
 *
 *     const timeline = createTimeline(element, trace, {
 *         onSelect(track, call) {},   // track: Track or null, call: index within the track (or -1)
 *         onRange(from, to) {},       // nanoseconds; (null, null) when the range is removed
 *         onChange() {},              // view, rows or selection changed
 *         announce(text) {},          // text for screen readers
 *         onNote() {},                // the reader wants to add a note
 *         onLoaded() {},              // more calls of a served trace are there, and calls have other indices
 *         onPoint(point) {},          // an instant, a snapshot, a sample or a gap was selected: see points.js; or null
 *     });
 *
 * The interface for other parts (times are nanoseconds of the model; a track is a Track of the model):
 *
 *     timeline.reveal(track, call)    select the call and make it visible: opens and unhides its rows, scrolls, moves
 *                                     or zooms if needed; (track, call, true) centres it and keeps the zoom if the
 *                                     call is visible with it
 *     timeline.approach(track, call)  select a call and move until it is in view; the zoom stays
 *     timeline.revealPoint(point)     select a point and make it visible; timeline.point is the selected one, or null
 *     timeline.select(track, call)    select without moving; select(null, -1) selects nothing
 *     timeline.selection              { track, call } or null
 *     timeline.zoomTo(from, to)       show this range of time
 *     timeline.pointer                its distance from the left edge of the tracks, or null
 *     timeline.view                   { from, to, width } of the visible time (read only)
 *     timeline.setRange(from, to)     mark a range (calls onRange); setRange(null, null) removes it
 *     timeline.range                  { from, to } or null
 *     timeline.hold(range)            mark another range on the ruler as A, with which this one is compared; or null
 *     timeline.mark(hits)             search hits: { functions: Uint8Array (1 at the index of a matching function),
 *                                     calls: Map<track.index, Uint32Array of call indices, ascending>,
 *                                     instants: Map<track.index, indices of instants, ascending> };
 *                                     null: no search.
 *                                     Other calls fade, hits get ticks in their tracks and on the minimap.
 *     timeline.setFilter(text)        show only tracks whose process or name contains the text
 *     timeline.setColoring(mode)      "function" | "file" | "process"
 *     timeline.setClock(wall)         the ruler shows the wall clock (true) or the time since the report's zero
 *     timeline.replaceCalls(act)      shows the calls that the tracks have after `act`: see data/hiding.js
 *     timeline.setNotes(notes)        notes on the ruler: { from, to, text }, by begin
 *     timeline.setArrows(has)         whether arrows between tracks are drawn
 *     timeline.fitSelection(), timeline.showAll(), timeline.zoomBy(factor)
 *     timeline.state()                the state for state.js; timeline.restore(state) restores it
 *     timeline.picture()              a new <canvas> with the visible ruler, names and tracks
 *     timeline.colorOf(functionIndex, process)   CSS colour of its calls; timeline.inkOf(): colour of text on it
 *     timeline.boxOf(track, call)     the rectangle of the call: { left, right, top, height } in CSS pixels of
 *                                     canvas.tracks; null if its row is not visible
 *     timeline.focus()                moves the keyboard focus to the tracks
 *
 * page.html has these elements for the panels: #panel below the timeline, with #tabs (role=tablist) and #panes (a .pane
 * per tab, `hidden` until a tab opens); #splitter above it; #search and #actions, empty, in the toolbar; #alerts for
 * warnings and errors; #progress while loading; #status for announced lines.
 */

import { recordedCall, shownCall } from "../data/hiding.js";
import { callOf, nameOf } from "../data/names.js";
import { Frames } from "./frames.js";
import { Gestures } from "./gestures.js";
import { DOUBLE_CLICK } from "./input.js";
import { Minimap } from "./minimap.js";
import { Motion } from "./motion.js";
import { Names, shiftOf, wordsOf } from "./names.js";
import { rectangleOf } from "./overlay.js";
import { isIn, pointOf, pointText, timeOf } from "./points.js";
import { Rows } from "./rows.js";
import { Stage } from "./stage.js";
import { Tiles } from "./tiles.js";
import { inWords } from "./tour.js";
import { MARGIN, View } from "./view.js";

export function createTimeline(element, trace, options = {}) {
    return new Timeline(element, trace, options);
}

class Timeline {
    constructor(element, trace, options) {
        Object.assign(this, { trace, options });
        this.selection = null;
        this.point = null;
        this.range = null;
        this.held = null;
        this.hits = null;
        this.clock = null;
        this.view = new View(trace.duration);
        this.motion = new Motion(this.view, () => this.#moved());
        this.stage = new Stage(element, () => this.#resized());
        this.frames = new Frames(this);
        this.minimap = new Minimap(this.stage.overview, trace, this.frames.levelsOf);
        this.rows = new Rows(trace, this.stage, () => this.#changed());
        const about = (process) => this.selectPoint({ process });
        this.names = new Names(this.stage.column, this.rows, () => this.placed, about);
        this.tiles = trace.served ? new Tiles(this, (words) => options.announce?.(words)) : null;
        this.gestures = new Gestures(this);
        this.gestures.listen();
        this.painter.dark.addEventListener("change", () => this.frames.repaint());
    }

    get painter() {
        return this.frames.painter;
    }

    get placed() {
        return this.frames.placed;
    }

    get levelsOf() {
        return this.frames.levelsOf;
    }

    get hovered() {
        return this.gestures.hovered;
    }

    get pointer() {
        return this.gestures.pointer;
    }

    select(track, call) {
        this.#setPoint(null);
        this.selection = track ? { track, call, name: nameOf(track, call) } : null;
        this.stage.canvas.setAttribute("aria-description", track ? inWords(this.trace, track, call) : "");
        this.options.onSelect?.(track ?? null, track ? call : -1);
        this.#changed();
    }

    reveal(track, call, keepsZoom = false) {
        this.#bring(track, call, (view, from, to) => view.reveal(from, to, keepsZoom));
    }

    approach(track, call) {
        this.#bring(track, call, (view, from, to) => view.approach(from, to));
    }

    #bring(track, call, move) {
        const [from, to] = [track.start[call], track.start[call] + track.duration[call]];
        this.select(track, call);
        // A panel that shows the selection may have opened.
        if (this.stage.scroller.clientHeight !== this.stage.height && this.stage.fit()) {
            this.#resized();
        }
        this.rows.open(track, call);
        this.rows.scrollTo(track, call);
        this.motion.glide((view) => move(view, from, to));
    }

    revealPoint(point) {
        const { process, counter, track } = point;
        const ofTrack = counter ? `c${this.trace.counters.indexOf(counter)}` : `t${track?.index}`;
        this.rows.openRow(process ? `p${process.index}` : ofTrack, process ?? (counter ?? track).process);
        this.rows.scrollToRow(this.rows.all.find((row) => isIn(point, row)));
        this.motion.glide((view) => view.revealTime(timeOf(point)));
        this.selectPoint(point);
    }

    /** Selects a point without moving. */
    selectPoint(point) {
        this.select(null, -1);
        this.#setPoint(point);
        this.#changed();
    }

    #setPoint(point) {
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
            this.fitTime(range.from, range.to);
        } else if (selection) {
            this.fitCall(selection);
        } else if (this.point?.process) {
            this.fitTime(this.point.process.opened, this.point.process.last);
        } else if (this.point?.gap) {
            this.fitTime(this.point.gap.start, this.point.gap.end);
        } else {
            this.options.announce?.("Select a call or a range first.");
        }
    }

    /** Shows a call with a margin. */
    fitCall({ track, call }) {
        this.fitTime(track.start[call], track.start[call] + track.duration[call]);
    }

    /** Shows a range of time with a margin. */
    fitTime(from, to) {
        this.motion.glide((view) => view.fit(from, to));
    }

    setRange(from, to) {
        this.range = from === null ? null : { from: Math.min(from, to), to: Math.max(from, to) };
        this.options.onRange?.(this.range?.from ?? null, this.range?.to ?? null);
        this.#changed();
    }

    hold(range) {
        this.held = range;
        this.frames.request();
    }

    mark(hits) {
        this.hits = hits;
        this.minimap.mark(hits);
        this.painter.found = hits?.functions ?? null;
        this.frames.repaint();
    }

    replaceCalls(act) {
        const { track, call } = this.selection ?? {};
        const recorded = track && recordedCall(track, call);
        act();
        this.frames.forget();
        this.minimap.restart();
        this.mark(null);
        this.gestures.leave();
        this.rows.lay();
        if (track) {
            const shown = shownCall(track, recorded);
            this.select(shown < 0 ? null : track, shown);
        }
    }

    /** Shows the calls that some tracks have after `act`; `levels` are ready for them. The view and the hits stay. */
    replaceLoaded(act, levels, tracks) {
        const { selection } = this;
        act();
        this.frames.replace(tracks, levels);
        this.gestures.leave();
        this.rows.lay();
        if (selection) {
            const call = callOf(selection.track, selection.name);
            this.selection = call < 0 ? null : { ...selection, call };
        }
        this.options.onLoaded?.();
        this.#changed();
    }

    setFilter(text) {
        this.rows.setFilter(text);
    }

    setColoring(mode) {
        this.painter.coloring = mode;
        this.frames.repaint();
        this.#changed();
    }

    setClock(wall) {
        this.clock = wall ? this.trace.baseRealtime : null;
        this.stage.wall.setAttribute("aria-pressed", String(this.clock !== null));
        this.#changed();
    }

    setArrows(has) {
        this.painter.hasArrows = has;
        this.stage.arrows.setAttribute("aria-pressed", String(has));
        this.#changed();
    }

    setNotes(notes) {
        this.painter.notes = notes;
        this.frames.request();
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
        const { from, to } = this.motion.end;
        return {
            ...this.rows.state(),
            view: this.#isFirst(this.motion.end) ? undefined : [from, to],
            selection: selection ? [selection.track.index, selection.name] : undefined,
            point: this.point ? pointText(this.trace, this.point) : undefined,
            range: range ? [range.from, range.to] : undefined,
            coloring: this.painter.coloring === "function" ? undefined : this.painter.coloring,
            clock: this.clock === null ? undefined : "wall",
            arrows: this.painter.hasArrows ? undefined : "no",
        };
    }

    restore(state) {
        const { view, selection, range, coloring, clock } = state;
        this.rows.restore(state);
        this.setColoring(coloring ?? "function");
        this.setClock(clock === "wall");
        this.setArrows(state.arrows !== "no");
        this.motion.jump((own) => (view ? own.show(...view) : this.#showFirst(own)));
        const track = this.trace.tracks[selection?.[0]];
        const call = track ? callOf(track, selection[1]) : -1;
        if (call in (track?.start ?? [])) {
            this.select(track, call);
            if (track.isServed) {
                this.selection.name = selection[1];
            }
            this.rows.scrollTo(track, call);
        } else if (this.selection || this.point) {
            this.select(null, -1);
        }
        this.#setPoint(pointOf(this.trace, state.point));
        if (range || this.range) {
            this.setRange(...(range ?? [null, null]));
        }
    }

    /** Shows the time on which the page opens. */
    #showFirst(view) {
        const { opening } = this.trace;
        if (opening) {
            view.fit(...opening, MARGIN);
        } else {
            view.showAll();
        }
    }

    /** Whether a view shows the time on which the page opens. */
    #isFirst({ from, to, duration }) {
        if (!this.trace.opening) {
            return from <= 0 && to >= duration;
        }
        const first = new View(duration);
        this.#showFirst(first);
        return Math.round(first.from) === Math.round(from) && Math.round(first.to) === Math.round(to);
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

    #moved() {
        this.frames.moved();
        this.tiles?.moved();
        this.gestures.leave();
        this.#changed();
    }

    #changed() {
        this.frames.request();
        this.options.onChange?.();
    }

    /** Scrolls to the call that is selected now. */
    #settle() {
        if (this.selection) {
            this.rows.scrollTo(this.selection.track, this.selection.call);
        }
    }

    #resized() {
        const { selection, stage } = this;
        if (selection && stage.height < this.height) {
            // The new panel may cover the call that was clicked. The call stays there for a double click.
            clearTimeout(this.settling);
            this.settling = setTimeout(() => this.#settle(), DOUBLE_CLICK);
        }
        this.height = stage.height;
        this.view.width = this.stage.width;
        this.tiles?.moved();
        this.minimap.resize(this.stage.width);
        this.rows.lay();
    }
}
