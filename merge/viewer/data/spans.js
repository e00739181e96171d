// Asynchronous spans of a JSON trace. One event begins a span and another one ends it, perhaps on another thread;
// category and id connect the two. Spans have their own tracks. A span inside another span of its id is drawn below
// it. Spans that overlap go to several tracks of the same name, which are a group: `beside` says which one of how many
// a track is.

import { UNFINISHED } from "./model.js";

/** The meaning of each phase: nestable events, and legacy ones. */
const MEANING = { b: "begin", S: "begin", e: "end", F: "end", n: "instant", T: "instant", p: "instant" };

/** Returns whether an event belongs to a span. @param {string} phase */
export function isOfSpan(phase) {
    return Object.hasOwn(MEANING, phase);
}

/**
 * Returns the tracks of a process's spans.
 * @param {object} process  of the model
 * @param {object[]} events see streams.js
 * @param {number} latest   end of spans without an end
 * @param {import("./model.js").Functions} functions  the names are added to it
 */
export function spanTracks(process, events, latest, functions) {
    const groups = new Map();
    for (const root of nested(spansOf(events, latest))) {
        listAt(groups, keyOf(root.cat, root.name)).push(root);
    }
    return [...groups.values()].flatMap((roots) =>
        sideBySide(roots).map((row, at, all) => ({ ...track(process, row, functions), beside: [at + 1, all.length] })));
}

function listAt(map, key) {
    return map.get(key) ?? map.set(key, []).get(key);
}

/** The length makes the key unambiguous. */
function keyOf(category, of) {
    return `${category.length} ${category} ${of}`;
}

/** Returns spans in the order of their begins. An event without a span becomes an instant of its thread. */
function spansOf(events, latest) {
    const spans = [];
    const open = new Map();
    const strays = new Set();
    for (const event of [...events].sort((a, b) => a.time - b.time)) {
        const { time, phase, cat, id, shown, name, args, stream } = event;
        const own = listAt(open, keyOf(cat, id));
        const span = own.findLast((one) => one.name === name) ?? own.at(-1);
        if (MEANING[phase] === "begin") {
            const made = { cat, id, shown, name, start: time, end: latest, args, flags: UNFINISHED, instants: [] };
            spans.push(made);
            own.push(made);
        } else if (span === undefined) {
            stream.track.instants.push({ time, kind: phase, name, args: args && JSON.stringify(args) });
            strays.add(stream.track);
        } else if (MEANING[phase] === "instant") {
            own.at(-1).instants.push({ time, kind: "instant", name, args: args && JSON.stringify(args) });
        } else {
            Object.assign(span, { end: time, flags: 0, args: args ? { ...span.args, ...args } : span.args });
            own.splice(own.lastIndexOf(span), 1);
        }
    }
    strays.forEach(({ instants }) => instants.sort((a, b) => a.time - b.time));
    return spans;
}

/** Returns the outermost spans of each id; `inner` has the spans inside them, outer ones first. */
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

/** Distributes spans over rows without overlaps. A span goes to the first free row. */
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
    const indices = new Map(spans.map((span, index) => [span, index]));
    const args = new Map();
    spans.forEach((span, index) => span.args && args.set(index, JSON.stringify(span.args)));
    const column = (Type, of) => Type.from(spans, of);
    return {
        index: 0, process, kind: "async", name: roots[0].name, tid: 0, count: spans.length, category: roots[0].cat,
        ids: spans.map(({ shown }) => shown),
        start: column(Float64Array, ({ start }) => start),
        duration: column(Float64Array, ({ start, end }) => Math.max(0, end - start)),
        function: column(Uint32Array, ({ name }) => functions.ofSpan(name)),
        depth: column(Uint16Array, ({ depth }) => depth),
        parent: column(Int32Array, ({ parent }) => indices.get(parent) ?? -1),
        flags: column(Uint8Array, ({ flags }) => flags),
        maxDepth: spans.reduce((most, { depth }) => Math.max(most, depth), 0),
        instants: spans.flatMap(({ instants }) => instants).sort((a, b) => a.time - b.time),
        args, events: [], overwritten: 0, lost: 0, gap: null,
        unfinished: spans.filter(({ flags }) => flags !== 0).length,
    };
}
