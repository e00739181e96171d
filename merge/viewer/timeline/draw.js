// Draws the visible rows: calls, instants, counters, and marks of calls that did not end normally.

import { ABANDONED, CLIPPED, MERGED, mergedCount, RAISED, UNFINISHED } from "../data/model.js";
import { indexFrom } from "../data/bisect.js";
import { drawCounter } from "./counters.js";
import { FONT, shortened } from "./labels.js";
import { LANE, PROCESS_HEIGHT, visible } from "./layout.js";
import { drawLifeNames, drawLives } from "./lives.js";
import { drawTails } from "./tails.js";

/** Narrower calls have no name, in pixels. */
const LEAST_NAMED = 26;
/** The largest width of an instant's name, in pixels. */
const INSTANT_NAME = 280;
/** The lanes of a collapsed process's row. */
const SUMMARY_LANES = 4;

/**
 * The content of a frame.
 * @typedef {object} Scene
 * @property {import("./view.js").View} view
 * @property {import("./layout.js").Layout} layout
 * @property {number} scroll     scroll position of the rows
 * @property {number} height     CSS pixels of the canvas
 * @property {number} ratio      device pixels per CSS pixel
 * @property {object} theme      colours by name, from the style sheet
 * @property {(process: object) => Uint32Array} pixelsFor  pixel colour by function
 * @property {string} ink        colour of text on calls
 * @property {{functions: Uint8Array, calls: Map<number, Uint32Array>, instants: Map<number, number[]>}|null} hits
 * @property {(track: object) => import("../data/levels.js").Levels} levelsOf
 * @property {import("./labels.js").Labels} labels
 */

/**
 * Draws all rows.
 * @param {CanvasRenderingContext2D} context
 * @param {import("./strips.js").Strips} strips
 * @param {Scene} scene
 * @param {{row: import("./layout.js").Row, y: number, fixed: boolean}[]} placed
 */
export function drawRows(context, strips, scene, placed) {
    const { layout, ratio, view, height, theme } = scene;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = theme.background;
    context.fillRect(0, 0, view.width, height);
    context.imageSmoothingEnabled = false;
    context.font = FONT;
    context.textBaseline = "middle";
    if (placed.length === 0) {
        context.fillStyle = theme.muted;
        context.fillText("No tracks match the filter.", 12, layout.pinnedHeight + 24);
    }
    const lanes = fillLanes(strips, placed, scene);
    drawPart(context, strips, scene, placed.filter(({ fixed }) => !fixed), lanes, layout.pinnedHeight, height);
    if (layout.pinnedHeight > 0) {
        drawPart(context, strips, scene, placed.filter(({ fixed }) => fixed), lanes, 0, layout.pinnedHeight);
        context.fillStyle = theme.line;
        context.fillRect(0, layout.pinnedHeight - 1, view.width, 1);
    }
}

/** Returns the visible rows with their positions on the canvas. */
export function placedRows({ layout, scroll, height }) {
    const rest = height - layout.pinnedHeight;
    return [
        ...visible(layout.rows, scroll, scroll + rest)
            .map((row) => ({ row, y: row.y - scroll + layout.pinnedHeight, fixed: false })),
        ...visible(layout.pinned, 0, height).map((row) => ({ row, y: row.y, fixed: true })),
    ];
}

/** Fills one line of pixels for each visible lane. */
function fillLanes(strips, placed, scene) {
    const { ratio, view } = scene;
    const least = LEAST_NAMED * ratio;
    const wanted = placed.flatMap(({ row, y }) => lanesOf(row, y, scene));
    strips.begin(Math.max(1, Math.round(view.width * ratio)), wanted.length);
    for (const lane of wanted) {
        lane.wide = [];
        lane.line = strips.lane(lane.levels, lane.depth, view, scene.pixelsFor(lane.row.process), least, lane.wide);
    }
    strips.finish();
    return wanted;
}

/** Returns the visible lanes of a row. */
function lanesOf(row, y, { levelsOf, height }) {
    if (row.kind === "process") {
        return row.collapsed ? summaryLanes(row, y, levelsOf) : [];
    }
    const levels = row.track && levelsOf(row.track);
    if (!levels?.ready) {
        return [];
    }
    const top = y + row.top;
    const first = Math.max(0, Math.floor(-top / LANE));
    const end = Math.min(row.lanes, Math.ceil((height - top) / LANE));
    return Array.from({ length: Math.max(0, end - first) }, (_, i) =>
        ({ row, levels, depth: row.skipped + first + i, y: top + (first + i) * LANE, height: LANE - 1 }));
}

/** Draws a collapsed process: the outermost calls of its first tracks. */
function summaryLanes(row, y, levelsOf) {
    const tracks = row.process.tracks.filter((track) => track.count > 0).slice(0, SUMMARY_LANES);
    const height = Math.min(10, (PROCESS_HEIGHT - 8) / tracks.length);
    const lane = (track, i) => ({ row, levels: levelsOf(track), depth: 0, y: y + 4 + i * height, height: height - 1 });
    return tracks.map(lane).filter(({ levels }) => levels.ready);
}

/** Draws the rows of one part of the canvas, clipped to it. */
function drawPart(context, strips, scene, placed, lanes, top, bottom) {
    context.save();
    context.beginPath();
    context.rect(0, top, scene.view.width, bottom - top);
    context.clip();
    for (const { row, y } of placed) {
        drawGround(context, scene, row, y);
    }
    const withLives = placed.filter(({ row }) => row.track?.lives);
    withLives.forEach(({ row, y }) => drawLives(context, scene, row, y));
    const own = lanes.filter(({ row }) => placed.some((one) => one.row === row));
    for (const lane of own) {
        strips.draw(context, lane.line, 0, snapped(lane.y, scene.ratio), scene.view.width, lane.height);
    }
    for (const lane of own) {
        drawFlags(context, scene, lane);
        drawFound(context, scene, lane);
    }
    drawNames(context, scene, own);
    withLives.forEach(({ row, y }) => drawLifeNames(context, scene, row, y));
    for (const { row, y } of placed) {
        drawAbove(context, scene, row, y);
    }
    context.restore();
}

function snapped(y, ratio) {
    return Math.round(y * ratio) / ratio;
}

/** Draws the layer below the calls: lines between rows, backgrounds of processes, counters. */
function drawGround(context, scene, row, y) {
    const { theme, view, levelsOf } = scene;
    if (row.kind === "process") {
        context.fillStyle = theme.process;
        context.fillRect(0, y, view.width, row.height);
    } else if (row.kind === "counter") {
        drawCounter(context, scene, row, y);
    } else if (!levelsOf(row.track).ready) {
        context.fillStyle = theme.muted;
        context.fillText("preparing …", 8, y + row.height / 2);
    }
    context.fillStyle = theme.line;
    context.fillRect(0, snapped(y + row.height, scene.ratio) - 1 / scene.ratio, view.width, 1 / scene.ratio);
    if (row.folded > 0) {
        drawFold(context, theme, view.width, y + row.height - 3);
    }
}

/** Draws the mark below a track that has deeper calls. */
function drawFold(context, theme, width, y) {
    context.strokeStyle = theme.muted;
    context.setLineDash([1, 4]);
    context.beginPath();
    context.moveTo(0, y);
    context.lineTo(width, y);
    context.stroke();
    context.setLineDash([]);
}

/** Draws marks of calls that did not return normally. */
function drawFlags(context, { ratio, theme, view }, { levels, wide, y, height, row }) {
    if (row.kind === "process") {
        return;
    }
    const { flags } = levels.track;
    for (let at = 0; at < wide.length; at += 3) {
        const has = flags[wide[at]];
        if (has === 0) {
            continue;
        }
        const left = wide[at + 1] / ratio;
        const right = wide[at + 2] / ratio;
        if (has & MERGED) {
            context.fillStyle = theme.hatch;
            context.fillRect(left, y, right - left, height);
        }
        if (has & UNFINISHED) {
            drawOpenEnd(context, theme, left, right, y, height, right < view.width);
        }
        if (has & (ABANDONED | CLIPPED)) {
            context.strokeStyle = theme.text;
            context.setLineDash([3, 2]);
            context.strokeRect(left + 0.5, y + 0.5, right - left - 1, height - 1);
            context.setLineDash([]);
        }
        if (has & RAISED) {
            const size = Math.min(7, (right - left) / 2);
            context.fillStyle = theme.danger;
            context.beginPath();
            context.moveTo(right - 1, y);
            context.lineTo(right - 1, y + size);
            context.lineTo(right - 1 - size, y);
            context.fill();
        }
    }
}

/** Draws a call that never ended: hatched, with a torn right edge. */
function drawOpenEnd(context, theme, left, right, y, height, hasEdge) {
    const tail = Math.min(120, right - left);
    context.save();
    context.beginPath();
    context.rect(right - tail, y, tail, height);
    context.clip();
    context.fillStyle = theme.hatch;
    context.fillRect(right - tail, y, tail, height);
    context.restore();
    if (!hasEdge) {
        return;
    }
    const tooth = height / 3;
    context.fillStyle = theme.background;
    context.beginPath();
    context.moveTo(right, y);
    for (let i = 0; i < 3; i += 1) {
        context.lineTo(right - Math.min(5, tail), y + (i + 0.5) * tooth);
        context.lineTo(right, y + (i + 1) * tooth);
    }
    context.fill();
}

/** Draws the names of calls that are wide enough. */
function drawNames(context, { ink, labels, ratio }, lanes) {
    context.fillStyle = ink;
    for (const { levels, wide, y, height, row } of lanes) {
        if (row.kind === "process") {
            continue;
        }
        for (let at = 0; at < wide.length; at += 3) {
            const left = wide[at + 1] / ratio;
            const free = wide[at + 2] / ratio - left - 8;
            const text = free > 12 ? nameIn(context, labels, levels.track, wide[at], free) : "";
            if (text !== "") {
                context.fillText(text, left + 4, y + height / 2 + 0.5);
            }
        }
    }
}

/** Returns what stands on a call: its name, or how many calls it stands for. */
function nameIn(context, labels, track, call, free) {
    const calls = mergedCount(track, call);
    return calls === ""
        ? labels.fitting(context, track.function[call], free)
        : shortened(context, `${calls} calls`, free);
}

/** Draws the layer above the calls: instants, hits, overwritten history. */
function drawAbove(context, scene, row, y) {
    if (row.kind !== "track") {
        return;
    }
    drawTails(context, scene, row, y);
    drawHits(context, scene, row, y);
    if (row.track.instants.length > 0) {
        drawInstants(context, scene, row, y);
    }
    if (row.track.gap !== null) {
        drawGap(context, scene, row, y);
    }
}

/** Draws ticks at the top of a track, one per pixel with a hit. */
function drawHits(context, { hits, theme, view }, { track }, y) {
    context.fillStyle = theme.hit;
    drawTicks(context, view, hits?.calls.get(track.index) ?? [], (call) => track.start[call], y);
    drawTicks(context, view, hits?.instants?.get(track.index) ?? [], (at) => track.instants[at].time, y);
}

/** @param {ArrayLike<number>} found  in the order of their times */
function drawTicks(context, view, found, timeOf, y) {
    const from = (time, low = 0) => indexFrom(found.length, (i) => timeOf(found[i]), time, low);
    for (let at = from(view.from); at < found.length && timeOf(found[at]) <= view.to; ) {
        const x = Math.floor(view.xOf(timeOf(found[at])));
        context.fillRect(x, y + 1, 2, 4);
        at = from(view.timeAt(x + 1), at + 1);
    }
}

/** Outlines calls that a search has found by their arguments: they have the colour of those that it has not found. */
function drawFound(context, { hits, ratio, theme }, { levels, wide, y, height }) {
    const { track } = levels;
    const found = hits?.calls.get(track.index) ?? [];
    for (let at = 0; at < wide.length && found.length > 0; at += 3) {
        const call = wide[at];
        const isByName = hits.functions[track.function[call]] === 1;
        if (!isByName && found[indexFrom(found.length, (i) => found[i], call)] === call) {
            const left = wide[at + 1] / ratio;
            context.strokeStyle = theme.hit;
            context.strokeRect(left + 0.5, y + 0.5, wide[at + 2] / ratio - left - 1, height - 1);
        }
    }
}

/** Draws instants, with names if there is space; only the first one per pixel. */
function drawInstants(context, scene, { track }, y) {
    const { instants } = track;
    const { theme, view } = scene;
    const middle = y + 5 + LANE / 2 - 1;
    const from = (time, low) => indexFrom(instants.length, (i) => instants[i].time, time, low);
    let at = from(view.timeAt(-INSTANT_NAME), 0);
    while (at < instants.length && instants[at].time <= view.to) {
        const { time, kind, name } = instants[at];
        const x = view.xOf(time);
        const next = from(view.timeAt(x + 1), at + 1);
        drawMark(context, theme, kind, x, middle);
        const free = next < instants.length ? view.xOf(instants[next].time) - x - 18 : INSTANT_NAME;
        const width = Math.min(INSTANT_NAME, free);
        if (width > 30) {
            context.fillStyle = theme.text;
            context.fillText(shortened(context, name.slice(0, 200), width), x + 9, middle + 1);
        }
        at = next;
    }
}

/** Draws a diamond for an instant, a circle for a snapshot of objects. */
function drawMark(context, theme, kind, x, y) {
    context.fillStyle = kind === "object" ? theme.object : theme.instant;
    context.beginPath();
    if (kind === "object") {
        context.arc(x, y, 4, 0, 2 * Math.PI);
    } else {
        context.moveTo(x, y - 5);
        context.lineTo(x + 5, y);
        context.lineTo(x, y + 5);
        context.lineTo(x - 5, y);
    }
    context.fill();
}

/** Draws overwritten history: a hatched band over the row, with the number of lost events. */
function drawGap(context, scene, row, y) {
    const { theme, view } = scene;
    const { track, height } = row;
    const begin = view.xOf(track.gap.start);
    const end = Math.max(view.xOf(track.gap.end), begin + 3);
    if (end < 0 || begin > view.width) {
        return;
    }
    const [left, right] = [Math.max(-2, begin), Math.min(view.width + 2, end)];
    context.fillStyle = theme.gap;
    context.fillRect(left, y + 1, right - left, height - 3);
    context.fillStyle = theme.gapHatch;
    context.fillRect(left, y + 1, right - left, height - 3);
    context.strokeStyle = theme.warning;
    context.strokeRect(left + 0.5, y + 1.5, right - left - 1, height - 4);
    const text = `${track.gap.events.toLocaleString("en")} events overwritten`;
    const width = context.measureText(text).width;
    const top = Math.max(y, row.pinned ? 0 : scene.layout.pinnedHeight);
    const bottom = Math.min(y + height, scene.height);
    if (width + 20 < right - left && bottom - top >= 20) {
        const x = (left + right - width) / 2;
        const middle = (top + bottom) / 2;
        context.fillStyle = theme.background;
        context.fillRect(x - 6, middle - 9, width + 12, 18);
        context.fillStyle = theme.warning;
        context.fillText(text, x, middle);
    }
}
