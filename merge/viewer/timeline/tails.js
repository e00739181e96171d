// The time in which the calls of a killed process may have gone on: from its last sign of life until its parent knew of
// the end.

import { endOf, UNFINISHED } from "../data/model.js";
import { LANE, laneOf } from "./layout.js";

const known = new WeakMap();

/** Returns the calls of a track that never ended. */
function openCalls(track) {
    if (!known.has(track)) {
        const open = [];
        for (let call = 0; open.length < track.unfinished && call < track.count; call += 1) {
            if (track.flags[call] & UNFINISHED) {
                open.push(call);
            }
        }
        known.set(track, open);
    }
    return known.get(track);
}

/** Hatches that time behind each open call of a row. */
export function drawTails(context, { theme, view }, row, y) {
    const { waitedAfter, tellsItsEnd } = row.process;
    if (!waitedAfter || tellsItsEnd) {
        return;
    }
    context.fillStyle = theme.hatch;
    for (const call of openCalls(row.track)) {
        const [lane, end] = [laneOf(row, row.track.depth[call]), endOf(row.track, call)];
        const left = Math.max(0, view.xOf(end));
        const right = Math.min(view.width, view.xOf(end + waitedAfter));
        if (lane >= 0 && right > left) {
            context.fillRect(left, y + row.top + lane * LANE, right - left, LANE - 1);
        }
    }
}
