// The state of the view as the URL's hash: "#v=120_4500&s=3_17&c=file". Every hash can be read: invalid parts are
// ignored.

/**
 * @typedef {object} State
 * @property {[number, number]=} view       from, to
 * @property {[number, number|string]=} selection  track's index, name of the call: see data/names.js
 * @property {string=} point                see timeline/points.js
 * @property {[number, number]=} range      from, to
 * @property {string=} filter
 * @property {"function"|"file"|"process"=} coloring
 * @property {"wall"=} clock                what the ruler shows
 * @property {"no"=} arrows                 no arrows are drawn between tracks
 * @property {[string, string][]=} notes    those of the file if it is left out; see panels/notes.js
 * @property {"start"=} align               all runs begin together
 * @property {string[]=} collapsed          rows' ids, see timeline/layout.js
 * @property {string[]=} unfolded
 * @property {string[]=} pinned
 * @property {string[]=} hidden
 * @property {string[]=} order
 * @property {string=} search
 * @property {string=} tab                  the open tab of the panel
 * @property {string=} sort                 this one, the two above and the ten below belong to panels/panels.js
 * @property {"busy"=} busy                 the table of functions is without calls that wait
 * @property {string=} where
 * @property {[number, number]=} held       from, to of the range that others are compared with
 * @property {string=} sandwich
 * @property {string=} calls                the function whose calls are listed
 * @property {string=} callsSort
 * @property {string=} coroutinesSort
 * @property {string=} hide                 kinds of hidden functions
 * @property {string=} hidePattern          a pattern of hidden functions
 */

const pair = {
    write: ([one, other]) => `${Math.round(one * 1000) / 1000}_${Math.round(other * 1000) / 1000}`,
    read(text) {
        const numbers = text.split("_").map(Number);
        return numbers.length === 2 && text !== "_" && numbers.every(Number.isFinite) ? numbers : undefined;
    },
};
/** A track and the name of a call: see data/names.js. */
const place = {
    write: ([track, name]) => `${track}_${name}`,
    read(text) {
        const [, track, name] = /^(\d+)_(\d+_\d+)$/.exec(text) ?? [];
        return name === undefined ? pair.read(text) : [Number(track), name];
    },
};
const words = { write: (text) => text, read: (text) => text };
const ids = {
    write: (list) => list.join("."),
    read: (text) => text.split(".").filter((id) => /^[ptc]\d{1,9}$/.test(id)),
};
const json = {
    write: JSON.stringify,
    read(text) {
        try {
            return JSON.parse(text);
        } catch {
            return undefined;
        }
    },
};
const oneOf = (...choices) => ({ write: (text) => text, read: (text) => (choices.includes(text) ? text : undefined) });

/** By property: its letter in the hash, and how to write and read it. */
const FIELDS = {
    view: ["v", pair],
    selection: ["s", place],
    point: ["m", words],
    range: ["r", pair],
    filter: ["f", words],
    coloring: ["c", oneOf("function", "file", "process")],
    collapsed: ["x", ids],
    unfolded: ["u", ids],
    pinned: ["p", ids],
    hidden: ["h", ids],
    order: ["o", ids],
    clock: ["w", oneOf("wall")],
    align: ["g", oneOf("start")],
    arrows: ["F", oneOf("no")],
    notes: ["N", json],
    search: ["q", words],
    tab: ["t", words],
    sort: ["k", words],
    busy: ["i", oneOf("busy")],
    where: ["a", words],
    held: ["y", pair],
    sandwich: ["b", words],
    calls: ["l", words],
    callsSort: ["d", words],
    coroutinesSort: ["j", words],
    hide: ["n", words],
    hidePattern: ["e", words],
};

/** Returns the hash of a state, without "#" and without empty parts. @param {State} state */
export function toHash(state) {
    const parameters = new URLSearchParams();
    for (const [name, [letter, { write }]] of Object.entries(FIELDS)) {
        const value = state[name];
        if (value !== undefined && value !== null && value.length > 0) {
            parameters.set(letter, write(value));
        }
    }
    return parameters.toString();
}

/** Returns the state in a hash. @param {string} hash @returns {State} */
export function fromHash(hash) {
    const parameters = new URLSearchParams(hash.replace(/^#/, ""));
    const state = {};
    for (const [name, [letter, { read }]] of Object.entries(FIELDS)) {
        const text = parameters.get(letter);
        const value = text === null ? undefined : read(text);
        if (value !== undefined) {
            state[name] = value;
        }
    }
    return state;
}
