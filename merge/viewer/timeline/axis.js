// Draws the ruler: lines with their times, the range's duration, the pointer's time.

import { FONT } from "./labels.js";
import { clockLine, lineText, lines, timeText } from "./ruler.js";
import { RULER_HEIGHT } from "./stage.js";

/** Space for the text of a note, in pixels. */
const NOTE = 160;

/**
 * @param {{range: {from: number, to: number}|null, pointer: number|null, clock: bigint|null, notes: object[]}} shown
 *     the range; the position of the pointer, in pixels; the wall clock at the report's zero, or null for relative
 *     times; the notes by begin
 */
export function drawRuler(context, { view, theme, ratio }, { range, pointer, clock, notes }) {
    const height = RULER_HEIGHT;
    const { step, times } = lines(view);
    const textOf = (time, digits) => (clock === null ? lineText(time, digits) : clockLine(clock, time, digits));
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = theme.background;
    context.fillRect(0, 0, view.width, height);
    context.font = FONT;
    context.textBaseline = "middle";
    for (const time of times) {
        const x = Math.round(view.xOf(time));
        context.fillStyle = theme.tick;
        context.fillRect(x, height - 8, 1, 8);
        for (let i = 1; i < 5; i += 1) {
            context.fillRect(Math.round(view.xOf(time + (step * i) / 5)), height - 4, 1, 4);
        }
        context.fillStyle = theme.muted;
        context.fillText(textOf(time, step), x + 5, 11);
    }
    drawNotes(context, view, theme, notes);
    if (range && range.to >= view.from && range.from <= view.to) {
        const [left, right] = [Math.max(view.xOf(range.from), 0), Math.min(view.xOf(range.to), view.width)];
        context.fillStyle = theme.band;
        context.fillRect(left, 0, right - left, height);
        drawTag(context, view, theme.accent, theme.onAccent, (left + right) / 2, timeText(range.to - range.from));
    }
    if (pointer !== null) {
        drawTag(context, view, theme.tag, theme.onTag, pointer, textOf(view.timeAt(pointer), Math.max(1, view.scale)));
    }
    context.fillStyle = theme.line;
    context.fillRect(0, height - 1, view.width, 1);
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

function drawTag(context, view, ground, ink, x, text) {
    const width = context.measureText(text).width + 12;
    const left = Math.min(Math.max(x - width / 2, 2), view.width - width - 2);
    context.fillStyle = ground;
    context.beginPath();
    context.roundRect(left, 3, width, 17, 4);
    context.fill();
    context.fillStyle = ink;
    context.fillText(text, left + 6, 12);
}
