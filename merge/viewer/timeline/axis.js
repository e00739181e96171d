// Draws the ruler: lines with their times, the range's duration, the pointer's time.

import { FONT } from "./labels.js";
import { clockLine, lineText, lines, timeText } from "./ruler.js";
import { RULER_HEIGHT } from "./stage.js";

/** Space for the text of a note, in pixels. */
const NOTE = 160;

/**
/**
 * @param {object} shown  what the ruler shows:
 *     `range`    the range, or null
 *     `held`     the range A with which it is compared, or null
 *     `pointer`  its position in pixels, or null
 *     `clock`    the wall clock at the report's zero, or null for relative times
 *     `notes`    the notes by begin
 */
export function drawRuler(context, { view, theme, ratio }, { range, held, pointer, clock, notes }) {
    const height = RULER_HEIGHT;
    const { step, times } = lines(view);
    const textOf = (time, digits) => (clock === null ? lineText(time, digits) : clockLine(clock, time, digits));
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = theme.background;
    context.fillRect(0, 0, view.width, height);
    context.font = FONT;
    context.textBaseline = "middle";
    const isShown = range && range.to >= view.from && range.from <= view.to;
    const [left, right] = isShown ? [view.xOf(range.from), view.xOf(range.to)].map((x) => within(x, 0, view.width)) : [];
    const length = isShown ? tagOf(context, view, (left + right) / 2, timeText(range.to - range.from)) : null;
    const time = pointer === null ? "" : textOf(view.timeAt(pointer), Math.max(1, view.scale));
    const cursor = pointer === null ? null : beside(view, tagOf(context, view, pointer, time), length);
    for (const at of times) {
        const x = Math.round(view.xOf(at));
        context.fillStyle = theme.tick;
        context.fillRect(x, height - 8, 1, 8);
        for (let i = 1; i < 5; i += 1) {
            context.fillRect(Math.round(view.xOf(at + (step * i) / 5)), height - 4, 1, 4);
        }
        const text = textOf(at, step);
        const label = { left: x + 5, width: context.measureText(text).width };
        // A label that is cut, at the edge or by a tag, could be read as another time.
        if (label.left + label.width <= view.width && ![length, cursor].some((tag) => tag && overlap(tag, label))) {
            context.fillStyle = theme.muted;
            context.fillText(text, label.left, 11);
        }
    }
    drawNotes(context, view, theme, notes);
    if (held && held.to >= view.from && held.from <= view.to) {
        drawHeld(context, view, theme, held);
    }
    if (isShown) {
        context.fillStyle = theme.band;
        context.fillRect(left, 0, right - left, height);
        drawTag(context, length, theme.accent, theme.onAccent);
    }
    if (cursor) {
        drawTag(context, cursor, theme.tag, theme.onTag);
    }
    context.fillStyle = theme.line;
    context.fillRect(0, height - 1, view.width, 1);
}

/** Marks the range that is held by a thick line and its letter. */
function drawHeld(context, view, theme, { from, to }) {
    const [left, right] = [Math.max(view.xOf(from), 0), Math.min(view.xOf(to), view.width)];
    context.fillStyle = theme.muted;
    context.fillRect(left, RULER_HEIGHT - 5, Math.max(right - left, 2), 4);
    drawTag(context, tagOf(context, view, (left + right) / 2, "A"), theme.tag, theme.onTag);
}

/** Draws each note as a flag at its begin, with a line up to its end, and as much of its text as fits. */
function drawNotes(context, view, theme, notes) {
    const shown = notes.filter(({ from, to }) => to >= view.from && from <= view.to);
    shown.forEach(({ from, to, text }, at) => {
        const [left, right] = [view.xOf(from), Math.min(view.xOf(to), view.width)];
        const next = shown[at + 1] ? view.xOf(shown[at + 1].from) : view.width;
        context.fillStyle = theme.instant;
        context.fillRect(Math.max(left, 0), RULER_HEIGHT - 4, Math.max(right - Math.max(left, 0), 2), 3);
        const x = Math.max(left, 0);
        const room = Math.min(NOTE, next - x - 12);
        if (room < 16) {
            context.fillRect(x, 3, 4, RULER_HEIGHT - 6);
            return;
        }
        context.save();
        context.beginPath();
        context.roundRect(x, 3, Math.min(context.measureText(text).width, room) + 8, 17, 4);
        context.fill();
        context.clip();
        context.fillStyle = theme.background;
        context.fillText(text, x + 4, 12);
        context.restore();
    });
}

const within = (x, least, most) => Math.min(Math.max(x, least), most);
const overlap = (one, other) => one.left < other.left + other.width && other.left < one.left + one.width;

/** Returns a tag whose middle is at a place, as far as the ruler has space. */
function tagOf(context, view, x, text) {
    const width = context.measureText(text).width + 12;
    return { left: within(x - width / 2, 2, view.width - width - 2), width, text };
}

/** Returns a tag beside another one, if the two would overlap. */
function beside(view, tag, other) {
    if (other === null || !overlap(tag, other)) {
        return tag;
    }
    const [before, after] = [other.left - tag.width - 4, other.left + other.width + 4];
    const isBefore = tag.left + tag.width / 2 < other.left + other.width / 2;
    const left = (isBefore && before >= 0) || after + tag.width > view.width ? before : after;
    return { ...tag, left };
}

function drawTag(context, { left, width, text }, ground, ink) {
    context.fillStyle = ground;
    context.beginPath();
    context.roundRect(left, 3, width, 17, 4);
    context.fill();
    context.fillStyle = ink;
    context.fillText(text, left + 6, 12);
}
