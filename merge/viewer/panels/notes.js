// Notes of the reader on calls, points, moments and ranges. The address keeps them, so that others see them by the
// link, and so does a saved page. Their text is anything: it is only shown as text.
//
//     s3_17     a call: the track's index, the call's name: see ../data/names.js
//     mt3_5     a point, see ../timeline/points.js
//     r10_20    a range, or a moment if both times are equal; R10_20 if all runs begin together then

import { callOf, nameOf } from "../data/names.js";
import { pointOf, pointText, timeOf } from "../timeline/points.js";
import { timeText } from "../timeline/ruler.js";
import { button, element } from "./element.js";

/** Notes of a page, and characters of a note. */
export const MOST = 50;
export const LONGEST = 200;

/** @typedef {{at: string, text: string}} Note */

/** Reads notes from the address. What is none is left out. @param {unknown} list @returns {Note[]} */
export function notesOf(list) {
    const isNote = (one) => Array.isArray(one) && typeof one[0] === "string" && typeof one[1] === "string";
    const notes = (Array.isArray(list) ? list : []).filter(isNote);
    return notes.slice(0, MOST).map(([at, text]) => ({ at: at.slice(0, 60), text: text.slice(0, LONGEST) }));
}

/**
 * Returns what a note is on: a call, or its caller while it is hidden; a point or a time; null if this page has no such
 * thing.
 * @param {import("../data/model.js").Trace} trace @param {string} at
 */
export function placeOf(trace, at) {
    if (at.startsWith("m")) {
        const point = pointOf(trace, at.slice(1));
        return point && { point, from: timeOf(point), to: timeOf(point) };
    }
    const [, kind, one, other] = /^([srR])(\d{1,16})_(\d{1,16}(?:_\d{1,5})?)$/.exec(at) ?? [];
    if (kind === "s") {
        const track = trace.tracks[one];
        const call = track ? callOf(track, other) : -1;
        return call in (track?.start ?? [])
            ? { track, call, from: track.start[call], to: track.start[call] + track.duration[call] }
            : null;
    }
    const isOfThisClock = kind === (trace.areTogether ? "R" : "r");
    return isOfThisClock ? { from: Number(one), to: Number(other) } : null;
}

/** Names the place of a note. */
export function placeWords({ functions }, { track, call, point, from, to }) {
    if (track) {
        return `${functions.name(track.function[call])} at ${timeText(from)}`;
    }
    return from === to || point ? `at ${timeText(from)}` : `${timeText(from)} to ${timeText(to)}`;
}

function pairs(notes) {
    return notes.map(({ at, text }) => [at, text]);
}

export class Notes {
    /**
     * @param {import("../data/model.js").Trace} trace
     * @param {object} timeline
     * @param {{original: import("../export/page.js").Original|null, changed: () => void,
     *     announce: (text: string) => void}} page
     */
    constructor(trace, timeline, page) {
        Object.assign(this, { trace, timeline, page });
        /** The notes of the file. @type {Note[]} */
        this.saved = notesOf(page.original?.notes);
        /** @type {Note[]} */
        this.notes = [];
        const hint = "On the range, the selected call or instant, or the moment under the pointer";
        this.items = element("ul", { className: "notes-list" });
        this.element = element(
            "div",
            {},
            element("p", { className: "bar" }, button("Add a note", () => this.add(), { title: `${hint} (N)` })),
            this.items,
        );
        this.#show();
    }

    /** Returns the notes that have a text. @returns {[string, string][]} */
    get list() {
        return pairs(this.notes.filter(({ text }) => text !== ""));
    }

    /** Returns the notes for the address: "" for those of the file, and no note at all as [null]. */
    get state() {
        const { list, saved } = this;
        const areSaved = JSON.stringify(list) === JSON.stringify(pairs(saved));
        return areSaved ? "" : list.length > 0 ? list : [null];
    }

    /** @param {unknown} list  from the address; undefined if it has none */
    set state(list) {
        this.notes = list === undefined ? this.saved.map((note) => ({ ...note })) : notesOf(list);
        this.#show();
    }

    /** Shows the places anew, after calls were hidden or shown. */
    renew() {
        this.#show();
    }

    /** Adds a note on what is selected, and asks for its text. */
    add() {
        if (this.notes.length >= MOST) {
            this.page.announce(`There are ${MOST} notes already, and a page has no more.`);
            return;
        }
        this.notes = this.notes.filter(({ text }) => text !== "");
        this.notes.push({ at: this.#here(), text: "" });
        this.#show();
        this.items.querySelector("li:last-child input").focus();
    }

    #here() {
        const { range, selection, point, view, pointer } = this.timeline;
        const clock = this.trace.areTogether ? "R" : "r";
        if (range) {
            return `${clock}${Math.round(range.from)}_${Math.round(range.to)}`;
        }
        if (selection) {
            return `s${selection.track.index}_${nameOf(selection.track, selection.call)}`;
        }
        if (point) {
            return `m${pointText(this.trace, point)}`;
        }
        const time = Math.round(Math.min(Math.max(view.timeAt(pointer ?? view.width / 2), 0), this.trace.duration));
        return `${clock}${time}_${time}`;
    }

    #show() {
        this.items.replaceChildren(...this.notes.map((note) => this.#item(note)));
        if (this.notes.length === 0) {
            const hint = "No notes. Press N to add one. The link keeps them, and so does a saved page.";
            this.items.append(element("li", { className: "hint" }, hint));
        }
        this.#draw();
    }

    #item(note) {
        const place = placeOf(this.trace, note.at);
        const words = place ? placeWords(this.trace, place) : "not in this view";
        const text = element("input", {
            type: "text",
            value: note.text,
            maxLength: LONGEST,
            "aria-label": `Note on ${words}`,
            oninput: () => {
                note.text = text.value;
                this.#draw();
                this.page.changed();
            },
        });
        const link = { className: "link", title: "Show it", disabled: !place };
        return element(
            "li",
            {},
            text,
            button(element("bdi", {}, words), () => this.#go(place), link),
            button("×", () => this.#remove(note), { "aria-label": `Remove the note on ${words}`, title: "Remove" }),
        );
    }

    #go({ track, call, point, from, to }) {
        if (track) {
            this.timeline.reveal(track, call);
        } else if (point) {
            this.timeline.revealPoint(point);
        } else {
            this.timeline.zoomTo(from - (to - from) / 10 - 500, to + (to - from) / 10 + 500);
        }
    }

    #remove(note) {
        this.notes = this.notes.filter((other) => other !== note);
        this.#show();
        this.element.querySelector("button").focus();
        this.page.changed();
    }

    #draw() {
        const placed = this.notes.map(({ at, text }) => ({ ...placeOf(this.trace, at), text }));
        const seen = placed.filter(({ from, text }) => from !== undefined && text !== "");
        this.timeline.setNotes(seen.sort((one, other) => one.from - other.from));
    }
}
