// Which rows there are, in which order, and where each lies. Heights are CSS pixels.

export const LANE = 18;
export const PROCESS_HEIGHT = 30;
export const COUNTER_HEIGHT = 46;
const PADDING = 5;
/** A row is at least high enough for its name, and for a warning below it. */
const LEAST = 28;
const LEAST_WARNED = 44;

/**
 * What the user did to the rows. Rows are named "p3" (process), "t7" (track), "c0" (counter) by their index.
 * @typedef {object} Arrangement
 * @property {Set<string>} collapsed
 * @property {Set<string>} pinned
 * @property {Set<string>} hidden
 * @property {string[]} order    rows that were moved, in their new order among their siblings
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
 * @property {number} top        from the row's y to its first lane
 * @property {boolean} collapsed
 * @property {boolean} pinned
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
    return { collapsed: new Set(), pinned: new Set(), hidden: new Set(), order: [], filter: "" };
}

/**
 * @param {import("../data/model.js").Trace} trace
 * @param {Arrangement} arranged
 * @param {number} room  pinned rows that are higher together are cut; if that is not enough, they scroll
 * @returns {Layout}
 */
export function layOut(trace, arranged, room = Infinity) {
    const rows = [];
    const pinned = [];
    const counters = countersByProcess(trace);
    for (const process of inOrder(trace.processes, (p) => `p${p.index}`, arranged.order)) {
        const own = rowsOf(process, counters.get(process) ?? [], arranged);
        pinned.push(...own.filter((row) => row.pinned));
        const rest = own.filter((row) => !row.pinned);
        const id = `p${process.index}`;
        if (arranged.hidden.has(id) || (arranged.filter !== "" && own.length === 0)) {
            continue;
        }
        const collapsed = arranged.collapsed.has(id);
        rows.push(row(id, "process", process, { height: PROCESS_HEIGHT, collapsed }));
        if (!collapsed) {
            rows.push(...rest);
        }
    }
    if (stack(pinned) > room) {
        pinned.forEach((one) => shorten(one, room / pinned.length));
    }
    if (stack(pinned) > room) {
        rows.unshift(...pinned.splice(0));
    }
    return { pinned, pinnedHeight: stack(pinned), rows, height: stack(rows), hidden: arranged.hidden.size };
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

/** The rows of a process that the filter and the user let through. */
function rowsOf(process, counters, arranged) {
    const { collapsed, filter, hidden, order } = arranged;
    const needle = filter.trim().toLowerCase();
    const whole = `${process.name} ${process.pid}`.toLowerCase().includes(needle);
    const all = [
        ...counters.map(({ counter, index }) =>
            row(`c${index}`, "counter", process, { counter, height: COUNTER_HEIGHT })),
        ...process.tracks.map((track) => trackRow(track, collapsed.has(`t${track.index}`))),
    ];
    const named = (one) => (one.track ? `${one.track.name} ${one.track.tid}` : one.counter.name).toLowerCase();
    return inOrder(all, (one) => one.id, order)
        .filter((one) => !hidden.has(one.id) && (whole || named(one).includes(needle)))
        .map((one) => ({ ...one, pinned: arranged.pinned.has(one.id) }));
}

function trackRow(track, collapsed) {
    const lanes = Math.min(track.maxDepth + 1, collapsed ? 1 : Infinity);
    const top = PADDING + (track.moments.length > 0 ? LANE : 0);
    const least = track.overwritten + track.lost > 0 ? LEAST_WARNED : LEAST;
    const height = Math.max(least, top + lanes * LANE + PADDING);
    return row(`t${track.index}`, "track", track.process, { track, lanes, top, height, collapsed });
}

function row(id, kind, process, more) {
    const place = { y: 0, lanes: 0, top: 0, collapsed: false, pinned: false };
    return { id, kind, process, track: null, counter: null, ...place, ...more };
}

/** Puts rows below each other. Returns the height of all. */
function stack(rows) {
    let y = 0;
    for (const one of rows) {
        one.y = y;
        y += one.height;
    }
    return y;
}

/** The moved ones take, in their new order, the places that they had. */
export function inOrder(all, idOf, order) {
    const rank = new Map(order.map((id, index) => [id, index]));
    const moved = all.filter((one) => rank.has(idOf(one))).sort((a, b) => rank.get(idOf(a)) - rank.get(idOf(b)));
    return all.map((one) => (rank.has(idOf(one)) ? moved.shift() : one));
}

/**
 * The new order after a row was put before another one of its siblings (behind all of them if there is none).
 * @param {string[]} siblings  ids in their present order
 * @param {string[]} order     the arrangement's
 */
export function moved(siblings, order, id, before) {
    const rest = siblings.filter((one) => one !== id);
    const at = before === null ? rest.length : rest.indexOf(before);
    rest.splice(at < 0 ? rest.length : at, 0, id);
    return [...order.filter((one) => !siblings.includes(one)), ...rest];
}

/** The rows between two heights. @param {Row[]} rows @returns {Row[]} */
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
