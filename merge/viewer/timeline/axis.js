// Draws the ruler: lines with their times, the range's duration, the pointer's time.

import { FONT } from "./labels.js";
import { clockLine, lineText, lines, timeText } from "./ruler.js";
import { RULER_HEIGHT } from "./stage.js";

/**
 * @param {object} shown  what the ruler shows:
 *     `range`    the range, or null
 *     `held`     the range A with which it is compared, or null
 *     `pointer`  its position in pixels, or null
 *     `clock`    the wall clock at the report's zero, or null for relative times
 */
export function drawRuler(context, { view, theme, ratio }, { range, held, pointer, clock }) {
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
    if (held && held.to >= view.from && held.from <= view.to) {
        drawHeld(context, view, theme, held);
    }
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

/** Marks the range that is held by a thick line and its letter. */
function drawHeld(context, view, theme, { from, to }) {
    const [left, right] = [Math.max(view.xOf(from), 0), Math.min(view.xOf(to), view.width)];
    context.fillStyle = theme.muted;
    context.fillRect(left, RULER_HEIGHT - 5, Math.max(right - left, 2), 4);
    drawTag(context, view, theme.tag, theme.onTag, (left + right) / 2, "A");
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
