// Draws counters as step functions. If a pixel has many values, the largest is drawn, so that no peak is lost.

import { indexFrom } from "../data/bisect.js";

/** Values per block whose maximum is precomputed. */
const BLOCK = 64;
const peaksOf = new WeakMap();

/** The maxima of each block, and of all values. */
function peaks(counter) {
    let found = peaksOf.get(counter);
    if (!found) {
        const { values } = counter;
        const blocks = new Float64Array(Math.ceil(values.length / BLOCK)).fill(-Infinity);
        values.forEach((value, at) => {
            blocks[Math.floor(at / BLOCK)] = Math.max(blocks[Math.floor(at / BLOCK)], value);
        });
        const most = blocks.reduce((a, b) => Math.max(a, b), 0);
        const least = values.reduce((a, b) => Math.min(a, b), 0);
        found = { blocks, most, least };
        peaksOf.set(counter, found);
    }
    return found;
}

/** The maximum of all values. */
export function greatestOf(counter) {
    return peaks(counter).most;
}

/** Returns the maximum between two indices. */
function greatest({ values }, { blocks }, from, end) {
    let most = -Infinity;
    for (let at = from; at < end;) {
        if (at % BLOCK === 0 && at + BLOCK <= end) {
            most = Math.max(most, blocks[at / BLOCK]);
            at += BLOCK;
        } else {
            most = Math.max(most, values[at]);
            at += 1;
        }
    }
    return most;
}

/** Returns the value at a time, or null before the first value. */
export function valueAt({ times, values }, time) {
    const at = indexFrom(times.length, (i) => times[i], time);
    return times[at] === time ? values[at] : values[at - 1] ?? null;
}

/** Formats a number: at most three decimals, or a power of ten. */
export function numberText(value) {
    const size = Math.abs(value);
    return size >= 1e15 || (size > 0 && size < 1e-3) ? value.toExponential(3)
        : value.toLocaleString("en", { maximumFractionDigits: 3 });
}

export function drawCounter(context, { theme, view }, { counter, height }, y) {
    const { times } = counter;
    const known = peaks(counter);
    const span = known.most - known.least || 1;
    const bottom = y + height - 5;
    const yOf = (value) => bottom - ((value - known.least) / span) * (height - 12);
    const last = times.length - 1;
    context.beginPath();
    let at = Math.max(0, indexFrom(times.length, (i) => times[i], view.from) - 1);
    let x = view.xOf(times[at] ?? 0);
    const first = x;
    context.moveTo(x, yOf(0));
    while (at <= last && x < view.width) {
        const next = indexFrom(times.length, (i) => times[i], view.timeAt(x + 1), at + 1);
        const level = yOf(greatest(counter, known, at, next));
        const right = next <= last ? view.xOf(times[next]) : view.xOf(view.duration);
        context.lineTo(x, level);
        context.lineTo(right, level);
        [at, x] = [next, right];
    }
    context.lineTo(x, yOf(0));
    context.lineTo(first, yOf(0));
    context.fillStyle = theme.counter;
    context.fill();
    context.strokeStyle = theme.counterEdge;
    context.stroke();
}
