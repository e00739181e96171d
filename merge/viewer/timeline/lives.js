// Draws the lives of tasks and coroutines below their calls: pale while they await.

import { indexFrom } from "../data/bisect.js";
import { endOfLife, pieceBefore, piecesOf } from "../data/lives.js";
import { LANE } from "./layout.js";

/** How strong the colour of a life is. */
const PALE = 0.28;
/** Narrower lives have no name, in pixels. */
const LEAST_NAMED = 60;

const kept = new WeakMap();

/** Returns the lives at each depth in the order of their begins, without those whose calls are hidden. */
function byDepth(track) {
    const { depths } = piecesOf(track);
    if (!kept.has(depths)) {
        const found = [];
        for (let at = 0; at < track.lives.count; at += 1) {
            if (track.lives.function[at] >= 0 && depths[at] >= 0) {
                (found[depths[at]] ??= []).push(at);
            }
        }
        kept.set(depths, found);
    }
    return kept.get(depths);
}

/** Calls `each` with the lives at a depth that are visible; of those in one pixel only with the first one. */
function eachVisible(track, depth, view, each) {
    const { lives } = track;
    const own = byDepth(track)[depth] ?? [];
    const from = (time, low = 0) => indexFrom(own.length, (i) => lives.start[own[i]], time, low);
    let at = Math.max(0, from(view.from) - 1);
    while (at < own.length && lives.start[own[at]] <= view.to) {
        const [left, right] = [view.xOf(lives.start[own[at]]), view.xOf(endOfLife(lives, own[at]))];
        if (right >= 0) {
            each(own[at], Math.max(0, left), Math.min(view.width, Math.max(right, left + 1)));
        }
        at = Math.max(at + 1, right - left < 1 ? from(view.timeAt(left + 1), at + 1) : at + 1);
    }
}

/** Draws the lives of a track's row. @param {import("./draw.js").Scene} scene */
export function drawLives(context, scene, row, y) {
    const { view, pixelsFor, height } = scene;
    const pixels = pixelsFor(row.process);
    for (let lane = 0; lane < row.lanes; lane += 1) {
        const top = y + row.top + lane * LANE;
        if (top + LANE < 0 || top > height) {
            continue;
        }
        eachVisible(row.track, row.skipped + lane, view, (life, left, right) => {
            context.fillStyle = colorOf(pixels[row.track.lives.function[life]] ?? 0);
            context.fillRect(left, top, right - left, LANE - 1);
        });
    }
}

/** Draws the names of lives that have no wide piece at their left end. */
export function drawLifeNames(context, scene, row, y) {
    const { view, theme, labels, height } = scene;
    context.fillStyle = theme.text;
    for (let lane = 0; lane < row.lanes; lane += 1) {
        const top = y + row.top + lane * LANE;
        if (top + LANE < 0 || top > height) {
            continue;
        }
        eachVisible(row.track, row.skipped + lane, view, (life, left, right) => {
            const begin = left + gapAfter(row.track, life, view, left);
            const free = right - begin - 8;
            const of = row.track.lives.function[life];
            const text = free > LEAST_NAMED ? labels.fitting(context, of, free) : "";
            if (text !== "") {
                context.fillText(text, begin + 4, top + (LANE - 1) / 2 + 0.5);
            }
        });
    }
}

/** Returns how many pixels the piece at the left end takes. */
function gapAfter(track, life, view, left) {
    const piece = pieceBefore(track, life, view.timeAt(left));
    const end = piece < 0 ? 0 : view.xOf(track.start[piece] + track.duration[piece]);
    return Math.max(0, end - left);
}

/** Returns the last piece before a time of the coroutine that awaits then, or -1. */
export function awaitingAt(track, depth, time) {
    const { lives } = track;
    const own = byDepth(track)[depth] ?? [];
    const life = own[indexFrom(own.length, (i) => lives.start[own[i]], time + 1) - 1];
    return life === undefined || endOfLife(lives, life) < time ? -1 : pieceBefore(track, life, time);
}

function colorOf(pixel) {
    return `rgb(${pixel & 255} ${(pixel >> 8) & 255} ${(pixel >> 16) & 255} / ${PALE})`;
}
