// The layer over the rows: arrows between tracks, the selected call and the call under the pointer, the range, the
// pointer's time.

import { indexFrom } from "../data/bisect.js";
import { LANE, laneOf } from "./layout.js";
import { isIn, timeOf } from "./points.js";

/** Largest number of arrows in a frame. */
const MOST_ARROWS = 500;

/** Returns the rectangle of a call on the canvas, or null if its row is not visible. */
export function rectangleOf({ view }, placed, track, call) {
    const found = placed.find(({ row }) => row.track === track);
    const lane = found ? laneOf(found.row, track.depth[call]) : -1;
    if (lane < 0) {
        return null;
    }
    const left = Math.max(-4, view.xOf(track.start[call]));
    const right = Math.min(view.width + 4, Math.max(view.xOf(track.start[call] + track.duration[call]), left + 2));
    return { left, right, top: found.y + found.row.top + lane * LANE, height: LANE - 1, fixed: found.fixed };
}

/** Outlines a call. */
export function outline(context, scene, placed, one, color, width) {
    const box = one && rectangleOf(scene, placed, one.track, one.call);
    if (!box || box.right < 0 || box.left > scene.view.width || (!box.fixed && box.top < scene.layout.pinnedHeight)) {
        return;
    }
    context.strokeStyle = color;
    context.lineWidth = width;
    context.strokeRect(box.left, box.top, box.right - box.left, box.height);
    context.lineWidth = 1;
}

/** Marks the selected point: a ring, a dot on a counter's line, or a frame around a gap. */
export function outlinePoint(context, { view, theme, layout }, placed, point) {
    const found = point && placed.find(({ row }) => isIn(point, row));
    if (!found || (!found.fixed && found.y + found.row.height < layout.pinnedHeight)) {
        return;
    }
    const { row, y } = found;
    const x = view.xOf(timeOf(point));
    context.save();
    clip(context, view, found.fixed ? 0 : layout.pinnedHeight, found.fixed ? layout.pinnedHeight : Infinity);
    context.strokeStyle = theme.accent;
    context.lineWidth = 2;
    if (point.process) {
        context.strokeRect(-4, y + 1, view.width + 8, row.height - 3);
    } else if (point.gap) {
        const right = Math.min(Math.max(view.xOf(point.gap.end), x + 3), view.width + 4);
        context.strokeRect(Math.max(x, -4), y + 1, right - Math.max(x, -4), row.height - 3);
    } else {
        context.beginPath();
        if (point.counter) {
            context.moveTo(x, y + 2);
            context.lineTo(x, y + row.height - 3);
        } else {
            context.arc(x, y + 4 + LANE / 2, 8, 0, 2 * Math.PI);
        }
        context.stroke();
    }
    context.restore();
}

function clip(context, view, top, bottom) {
    context.beginPath();
    context.rect(0, top, view.width, Math.min(bottom, 1e5) - top);
    context.clip();
}

/** Draws the range: the time outside is dimmed. */
export function drawRange(context, { view, theme, height }, range) {
    if (!range) {
        return;
    }
    const left = Math.min(Math.max(view.xOf(range.from), 0), view.width);
    const right = Math.min(Math.max(view.xOf(range.to), 0), view.width);
    context.fillStyle = theme.veil;
    context.fillRect(0, 0, left, height);
    context.fillRect(right, 0, view.width - right, height);
    context.fillStyle = theme.accent;
    context.fillRect(left - 0.5, 0, 1, height);
    context.fillRect(right - 0.5, 0, 1, height);
}

/** Draws lines for instants of the whole trace, or of a process; only the first one per pixel of each. */
export function drawWide(context, { view, theme, layout, height }, placed, wide) {
    if (wide.length === 0) {
        return;
    }
    const drawn = new Set();
    context.save();
    context.strokeStyle = theme.instant;
    context.globalAlpha = 0.6;
    context.setLineDash([2, 3]);
    context.beginPath();
    const end = indexFrom(wide.length, (i) => wide[i].time, view.to);
    for (let at = indexFrom(wide.length, (i) => wide[i].time, view.from); at < end; at += 1) {
        const { time, process } = wide[at];
        const x = Math.round(view.xOf(time)) + 0.5;
        const key = `${x} ${process?.index ?? ""}`;
        if (drawn.has(key)) {
            continue;
        }
        drawn.add(key);
        for (const [top, bottom] of process ? heightsOf(process, placed, layout.pinnedHeight) : [[0, height]]) {
            context.moveTo(x, top);
            context.lineTo(x, bottom);
        }
    }
    context.stroke();
    context.restore();
}

/** Returns where the rows of a process are, below the pinned rows unless they are pinned. */
function heightsOf(process, placed, edge) {
    return placed
        .filter(({ row }) => row.process === process)
        .map(({ row, y, fixed }) => [fixed ? y : Math.max(y, edge), y + row.height])
        .filter(([top, bottom]) => top < bottom);
}

/** Draws a thin line at the pointer. */
export function drawPointer(context, { theme, height }, x) {
    if (x !== null) {
        context.fillStyle = theme.pointer;
        context.fillRect(Math.round(x), 0, 1, height);
    }
}

/** Returns the rows of tracks by track, also those that the reader has to scroll to. */
function rowsByTrack({ layout, scroll }) {
    const scrolled = layout.rows.map((row) => ({ row, y: row.y - scroll + layout.pinnedHeight, fixed: false }));
    const fixed = layout.pinned.map((row) => ({ row, y: row.y, fixed: true }));
    return new Map([...scrolled, ...fixed].filter(({ row }) => row.track).map((one) => [one.row.track, one]));
}

/** Draws the flows that are visible, at least in part, and highlights those of the selected call. */
export function drawFlows(context, scene, placed, flows, selection) {
    const { view, theme, levelsOf, height } = scene;
    const shown = new Set(placed.map(({ row }) => row.track));
    const rows = flows.length > 0 ? rowsByTrack(scene) : new Map();
    const heightAt = (one, time) => (shown.has(one.row.track) ? heightOf(one, levelsOf, time) : one.y + one.row.top);
    const edge = scene.layout.pinnedHeight;
    let left = MOST_ARROWS;
    let before = "";
    context.lineWidth = 1.5;
    for (const flow of flows) {
        if (Math.max(flow.fromTime, flow.toTime) < view.from || Math.min(flow.fromTime, flow.toTime) > view.to) {
            continue;
        }
        const [from, to] = [rows.get(flow.fromTrack), rows.get(flow.toTrack)];
        if (!from || !to) {
            continue;
        }
        const ends = [
            // From the lower edge of a call: an arrow does not strike through its name.
            view.xOf(flow.fromTime), heightAt(from, flow.fromTime) + LANE / 2 - 2,
            view.xOf(flow.toTime), heightAt(to, flow.toTime),
        ];
        // Pinned rows cover the rows that are scrolled below them: the arrow leads to their edge.
        const [low, high] = [Math.min(ends[1], ends[3]), Math.max(ends[1], ends[3])];
        if (low > height || high < (from.fixed || to.fixed ? 0 : edge)) {
            continue;
        }
        ends[1] = from.fixed ? ends[1] : Math.max(ends[1], edge);
        ends[3] = to.fixed ? ends[3] : Math.max(ends[3], edge);
        const key = ends.map(Math.round).join();
        if (key === before) {
            continue;
        }
        before = key;
        context.save();
        clip(context, view, from.fixed || to.fixed ? 0 : edge, Infinity);
        drawArrow(context, ends, touches(flow, selection) ? theme.accent : theme.flow);
        context.restore();
        left -= 1;
        if (left === 0) {
            break;
        }
    }
    context.lineWidth = 1;
}

function touches(flow, selection) {
    if (!selection) {
        return false;
    }
    const { track, call } = selection;
    const within = (time) => time >= track.start[call] && time <= track.start[call] + track.duration[call];
    return (flow.fromTrack === track && within(flow.fromTime)) || (flow.toTrack === track && within(flow.toTime));
}

/** Returns the middle of the innermost call that is drawn at a time. */
function heightOf({ row, y }, levelsOf, time) {
    const levels = levelsOf(row.track);
    let lane = 0;
    while (levels.ready && lane + 1 < row.lanes && levels.covering(row.skipped + lane + 1, time) >= 0) {
        lane += 1;
    }
    return y + row.top + lane * LANE + LANE / 2;
}

function drawArrow(context, [x1, y1, x2, y2], color) {
    const bend = Math.max(24, Math.min(120, Math.abs(x2 - x1) / 2));
    context.strokeStyle = color;
    context.fillStyle = color;
    context.beginPath();
    context.moveTo(x1, y1);
    context.bezierCurveTo(x1 + bend, y1, x2 - bend, y2, x2 - 5, y2);
    context.stroke();
    context.beginPath();
    context.moveTo(x2, y2);
    context.lineTo(x2 - 7, y2 - 4);
    context.lineTo(x2 - 7, y2 + 4);
    context.fill();
    context.beginPath();
    context.arc(x1, y1, 2.5, 0, 2 * Math.PI);
    context.fill();
}
