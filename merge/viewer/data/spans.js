// Asynchronous spans of events that came as JSON: one event begins them and another one ends them, maybe on another
// thread; category and id tell which belong together. They become tracks of their own: those within others of their
// id lie below them, those that overlap others go to further tracks of the same name.

import { UNFINISHED } from "./model.js";

/** What an event of a phase does: nestable ones, and those of old. */
const MEANING = { b: "begin", S: "begin", e: "end", F: "end", n: "moment", T: "moment", p: "moment" };

/** Whether an event belongs to a span. @param {string} phase */
export function isOfSpan(phase) {
    return Object.hasOwn(MEANING, phase);
}

/**
 * The tracks of a process's spans.
 * @param {object} process  the model's
 * @param {object[]} events see streams.js
 * @param {number} latest   spans without an end last until then
 * @param {import("./model.js").Functions} functions  gets their names
 */
export function spanTracks(process, events, latest, functions) {
    const groups = new Map();
    for (const root of nested(spansOf(events, latest))) {
        listAt(groups, keyOf(root.cat, root.name)).push(root);
    }
    return [...groups.values()].flatMap((roots) =>
        sideBySide(roots).map((row) => track(process, row, functions)));
}

function listAt(map, key) {
    return map.get(key) ?? map.set(key, []).get(key);
}

/** The length keeps what could be read in two ways apart. */
function keyOf(category, of) {
    return `${category.length} ${category} ${of}`;
}

/** Spans by their begins; what ends or marks none stays a moment of its thread. */
function spansOf(events, latest) {
    const spans = [];
    const open = new Map();
    const strays = new Set();
    for (const event of [...events].sort((a, b) => a.time - b.time)) {
        const { time, phase, cat, id, shown, name, args, stream } = event;
        const own = listAt(open, keyOf(cat, id));
        const span = own.findLast((one) => one.name === name) ?? own.at(-1);
        if (MEANING[phase] === "begin") {
            const made = { cat, id, shown, name, start: time, end: latest, args, flags: UNFINISHED, moments: [] };
            spans.push(made);
            own.push(made);
        } else if (span === undefined) {
            stream.track.moments.push({ time, kind: phase, name, args: args && JSON.stringify(args) });
            strays.add(stream.track);
        } else if (MEANING[phase] === "moment") {
            own.at(-1).moments.push({ time, kind: "instant", name, args: args && JSON.stringify(args) });
        } else {
            Object.assign(span, { end: time, flags: 0, args: args ? { ...span.args, ...args } : span.args });
            own.splice(own.lastIndexOf(span), 1);
        }
    }
    strays.forEach(({ moments }) => moments.sort((a, b) => a.time - b.time));
    return spans;
}

/** The outermost spans of each id; `inner` has those within them, callers first. */
function nested(spans) {
    const roots = [];
    const open = new Map();
    for (const span of spans.sort((a, b) => a.start - b.start || b.end - a.end)) {
        const around = listAt(open, keyOf(span.cat, span.id));
        while (around.length > 0 && around.at(-1).end <= span.start) {
            around.pop();
        }
        if (around.length > 0 && span.end <= around.at(-1).end) {
            Object.assign(span, { depth: around.length, parent: around.at(-1) });
            around[0].inner.push(span);
            around.push(span);
        } else {
            Object.assign(span, { depth: 0, parent: null, inner: [] });
            roots.push(span);
            if (around.length === 0) {
                around.push(span);
            }
        }
    }
    return roots;
}

/** Rows of spans that do not overlap; a span goes to the first row that is free. */
function sideBySide(roots) {
    const rows = [];
    const free = [];
    const ending = [...roots].sort((a, b) => a.end - b.end);
    let ended = 0;
    for (const root of roots) {
        for (; ending[ended]?.end <= root.start && ending[ended].row !== undefined; ended += 1) {
            const { row } = ending[ended];
            const at = free.findIndex((other) => other > row);
            free.splice(at < 0 ? free.length : at, 0, row);
        }
        root.row = free.shift() ?? rows.push([]) - 1;
        rows[root.row].push(root);
    }
    return rows;
}

function track(process, roots, functions) {
    const spans = roots.flatMap((root) => [root, ...root.inner]);
    const places = new Map(spans.map((span, place) => [span, place]));
    const args = new Map();
    spans.forEach((span, place) => span.args && args.set(place, JSON.stringify(span.args)));
    const column = (Type, of) => Type.from(spans, of);
    return {
        index: 0, process, kind: "async", name: roots[0].name, tid: 0, count: spans.length, category: roots[0].cat,
        ids: spans.map(({ shown }) => shown),
        start: column(Float64Array, ({ start }) => start),
        duration: column(Float64Array, ({ start, end }) => Math.max(0, end - start)),
        function: column(Uint32Array, ({ name }) => functions.ofSpan(name)),
        depth: column(Uint16Array, ({ depth }) => depth),
        parent: column(Int32Array, ({ parent }) => places.get(parent) ?? -1),
        flags: column(Uint8Array, ({ flags }) => flags),
        maxDepth: spans.reduce((most, { depth }) => Math.max(most, depth), 0),
        moments: spans.flatMap(({ moments }) => moments).sort((a, b) => a.time - b.time),
        args, events: [], overwritten: 0, lost: 0, gap: null,
        unfinished: spans.filter(({ flags }) => flags !== 0).length,
    };
}
