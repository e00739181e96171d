// Computes the rows, their order and positions. Heights are CSS pixels.

import { inTree } from "../data/family.js";
import { inheritedLevels } from "./inherited.js";

export const LANE = 18;
export const PROCESS_HEIGHT = 30;
export const COUNTER_HEIGHT = 46;
const PADDING = 5;
/** If the trace is higher than the screen, a track shows this many lanes until it is unfolded. */
const SHALLOW = 8;
/** A task then shows its outermost coroutines. */
const SHALLOW_TASK = 2;
/** Fewer lanes than these are not worth hiding. */
const LEAST_FOLDED = 3;
/** A row is high enough for its name, and for a warning or a button below it. */
const LEAST = 28;
const LEAST_WARNED = 44;

/**
 * Changes of the user to the rows. Rows are named "p3" (process), "t7" (track), "c0" (counter) by their index.
 * @typedef {object} Arrangement
 * @property {Set<string>} collapsed
 * @property {Set<string>} unfolded  tracks that show all their lanes, and all rows of their group
 * @property {Set<string>} pinned
 * @property {Set<string>} hidden
 * @property {string[]} order    moved rows, in their new order among their siblings
 * @property {string} filter
 *
 * @typedef {object} Row
 * @property {string} id
 * @property {"process"|"track"|"counter"} kind
 * @property {import("../data/model.js").Process} process
 * @property {import("../data/model.js").Track|null} track
 * @property {import("../data/model.js").Counter|null} counter
 * @property {number} y
 * @property {number} height
 * @property {number} lanes      depths that are drawn
 * @property {number} skipped    first depths that are not drawn: those of calls from before the fork, but the innermost
 * @property {number} folded     depths that are not drawn because the track is not unfolded, without those
 * @property {boolean} unfolded  whether the track is unfolded and would otherwise be folded
 * @property {boolean=} hasFoldedGroup   whether the other tracks of its group are not drawn: see `groupOf`
 * @property {import("../data/model.js").Track[]=} folds  these tracks
 * @property {number} top        from the row's y to its first lane
 * @property {boolean} collapsed
 * @property {boolean} pinned
 * @property {number=} level     of a process, how many processes are above it
 *
 * @typedef {object} Layout
 * @property {Row[]} pinned      rows that stay at the top, with their own y from 0
 * @property {number} pinnedHeight
 * @property {Row[]} rows        the others, in the order of y
 * @property {number} height
 * @property {number} hidden     rows that the user hid
 */

/** @returns {Arrangement} */
export function arrangement() {
    return { collapsed: new Set(), unfolded: new Set(), pinned: new Set(), hidden: new Set(), order: [], filter: "" };
}

/**
 * @param {import("../data/model.js").Trace} trace
 * @param {Arrangement} arranged
 * @param {number} limit   height of all pinned rows: higher ones are cut; if that is not enough, they scroll
 * @param {number} screen  the height of the screen
 * @returns {Layout}
 */
export function layOut(trace, arranged, limit = Infinity, screen = Infinity) {
    const most = heightOf(trace) > screen ? SHALLOW : Infinity;
    const rows = [];
    const pinned = [];
    const counters = countersByProcess(trace);
    const idOf = ({ process }) => `p${process.index}`;
    for (const { process, level } of inOrder(inTree(byOrder(trace.processes)), idOf, arranged.order)) {
        const own = rowsOf(process, counters.get(process) ?? [], arranged, most);
        pinned.push(...own.filter((row) => row.pinned));
        const rest = own.filter((row) => !row.pinned);
        const id = `p${process.index}`;
        if (arranged.hidden.has(id) || (arranged.filter !== "" && own.length === 0)) {
            continue;
        }
        const collapsed = arranged.collapsed.has(id);
        rows.push(row(id, "process", process, { height: PROCESS_HEIGHT, collapsed, level }));
        if (!collapsed) {
            rows.push(...rest);
        }
    }
    if (stack(pinned) > limit) {
        pinned.forEach((one) => shorten(one, limit / pinned.length));
    }
    if (stack(pinned) > limit) {
        rows.unshift(...pinned.splice(0));
    }
    return { pinned, pinnedHeight: stack(pinned), rows, height: stack(rows), hidden: arranged.hidden.size };
}

/** Lays out all lanes. Folding a single track would not show more. */
function heightOf({ processes, tracks, counters }) {
    if (tracks.filter(({ count }) => count > 0).length < 2) {
        return 0;
    }
    const others = processes.length * PROCESS_HEIGHT + counters.length * COUNTER_HEIGHT;
    return tracks.reduce((sum, track) => sum + trackRow(track, arrangement(), Infinity).height, others);
}

/** Cuts the deepest lanes of a row that is too high. */
function shorten(one, height) {
    const lanes = Math.max(1, Math.floor((height - one.top - PADDING) / LANE));
    if (lanes < one.lanes) {
        one.lanes = lanes;
        one.height = Math.max(LEAST, one.top + lanes * LANE + PADDING);
    }
}

function countersByProcess(trace) {
    const found = new Map();
    trace.counters.forEach((counter, index) => {
        const own = found.get(counter.process) ?? [];
        own.push({ counter, index });
        found.set(counter.process, own);
    });
    return found;
}

/** Returns the rows of a process that neither the filter nor the user hides. */
function rowsOf(process, counters, arranged, most) {
    const { filter, hidden, order } = arranged;
    const needle = filter.trim().toLowerCase();
    const whole = `${process.label} ${process.pid}`.toLowerCase().includes(needle);
    const tracks = mainFirst(process).filter((track) => !isBare(track)).map((track) => trackRow(track, arranged, most));
    const all = [
        ...counters.map(({ counter, index }) =>
            row(`c${index}`, "counter", process, { counter, height: COUNTER_HEIGHT })),
        ...grouped(tracks, arranged),
    ];
    const named = (one) => (one.track ? `${one.track.name} ${one.track.tid}` : one.counter.name).toLowerCase();
    return inOrder(all, (one) => one.id, order)
        .filter((one) => !hidden.has(one.id) && (whole || named(one).includes(needle)))
        .map((one) => ({ ...one, pinned: arranged.pinned.has(one.id) }));
}

/**
 * Returns the row of a track that stands for its group: spans of one name that overlap have several rows, of which the
 * first one does.
 */
export function groupOf({ index, beside: [at] = [1] }) {
    return `t${index - at + 1}`;
}

/** Leaves out the other rows of folded groups. The first row of each says what is left out. */
function grouped(rows, { pinned }) {
    const folded = new Map(rows.filter(({ hasFoldedGroup }) => hasFoldedGroup).map((one) => [one.id, one]));
    return rows.filter(({ id, track }) => {
        const first = folded.get(groupOf(track));
        const isLeftOut = first !== undefined && first.id !== id && !pinned.has(id);
        if (isLeftOut) {
            first.folds = [...(first.folds ?? []), track];
        }
        return !isLeftOut;
    });
}

/** In a notebook, threads of the kernel are older than the thread that runs the cells. A JSON trace may tell more. */
function mainFirst({ pid, tracks }) {
    if (tracks.some(({ order }) => order !== undefined)) {
        const [spans, threads] = [true, false].map((is) => tracks.filter(({ kind }) => (kind === "async") === is));
        return [...byOrder(threads), ...spans];
    }
    const isMain = ({ tid }) => Number(tid === pid);
    return [...tracks].sort((one, other) => isMain(other) - isMain(one));
}

/** Whether another program's trace only names a thread, or says where it would be, or has its events elsewhere. */
function isBare({ process, kind, count, instants, overwritten, lost }) {
    const isEmpty = count + instants.length + overwritten + lost === 0;
    return isEmpty && kind === "thread" && process.isEndingKnown === false;
}

/** Sorts processes or tracks as a JSON trace wants it; the others keep their order. */
function byOrder(all) {
    return [...all].sort((one, other) => (one.order ?? 0) - (other.order ?? 0));
}

function trackRow(track, arranged, limit) {
    const most = track.lives ? Math.min(limit, limit === Infinity ? limit : SHALLOW_TASK) : limit;
    const id = `t${track.index}`;
    const all = track.maxDepth + 1;
    const collapsed = arranged.collapsed.has(id);
    const inherited = Math.max(0, inheritedLevels(track) - 1);
    const [at, beside] = track.beside ?? [1, 1];
    const isGroup = at === 1 && beside > 1 && limit !== Infinity;
    const foldable = inherited > 0 || isGroup || all - most >= LEAST_FOLDED;
    const unfolded = foldable && !collapsed && arranged.unfolded.has(id);
    const skipped = unfolded ? 0 : inherited;
    const left = all - skipped;
    const lanes = collapsed ? 1 : !unfolded && left - most >= LEAST_FOLDED ? most : left;
    const top = PADDING + (track.instants.length > 0 ? LANE : 0);
    const least = isGroup || track.overwritten + track.lost > 0 ? LEAST_WARNED : LEAST;
    const height = Math.max(least, top + lanes * LANE + PADDING);
    const folded = collapsed ? 0 : left - lanes;
    const hasFoldedGroup = isGroup && !unfolded;
    const folds = { collapsed, skipped, folded, unfolded, hasFoldedGroup };
    return row(id, "track", track.process, { track, lanes, top, height, ...folds });
}

function row(id, kind, process, more) {
    const folds = { skipped: 0, folded: 0, unfolded: false, collapsed: false };
    return { id, kind, process, track: null, counter: null, y: 0, lanes: 0, top: 0, pinned: false, ...folds, ...more };
}

/** Returns the lane of a depth in a row; -1 if the row does not draw it. @param {Row} row @param {number} depth */
export function laneOf({ lanes, skipped }, depth) {
    return depth >= skipped && depth - skipped < lanes ? depth - skipped : -1;
}

/** Stacks rows. Returns their total height. */
function stack(rows) {
    let y = 0;
    for (const one of rows) {
        one.y = y;
        y += one.height;
    }
    return y;
}

/** Puts moved rows, in their new order, at the indices that they had. */
export function inOrder(all, idOf, order) {
    const rank = new Map(order.map((id, index) => [id, index]));
    const moved = all.filter((one) => rank.has(idOf(one))).sort((a, b) => rank.get(idOf(a)) - rank.get(idOf(b)));
    return all.map((one) => (rank.has(idOf(one)) ? moved.shift() : one));
}

/**
 * Returns the new order after a row was moved before a sibling (after all siblings if there is none).
 * @param {string[]} siblings  ids in their present order
 * @param {string[]} order     the arrangement's
 */
export function moved(siblings, order, id, before) {
    const rest = siblings.filter((one) => one !== id);
    const at = before === null ? rest.length : rest.indexOf(before);
    rest.splice(at < 0 ? rest.length : at, 0, id);
    return [...order.filter((one) => !siblings.includes(one)), ...rest];
}

/** Returns the rows between two heights. @param {Row[]} rows @returns {Row[]} */
export function visible(rows, from, to) {
    let [low, high] = [0, rows.length];
    while (low < high) {
        const middle = (low + high) >>> 1;
        if (rows[middle].y + rows[middle].height <= from) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    const found = [];
    for (let at = low; at < rows.length && rows[at].y < to; at += 1) {
        found.push(rows[at]);
    }
    return found;
}
