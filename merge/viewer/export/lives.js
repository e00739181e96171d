// The lives of tasks and coroutines in saved files, as `viztracer-merge` writes them.

import { ENDS } from "../data/lives.js";

/** The `tid` of the first task track. */
const FIRST_TASK = 2 ** 24;
/** A merge knows the events of lives by this scope, and finds the lives anew. */
const SCOPE = "viztracer_ring";

/**
 * A life in words.
 * @typedef {object} ShownLife
 * @property {string} category
 * @property {string} name
 * @property {number} start
 * @property {number} end
 * @property {number} level     of its track: 0 for the task, then by depth
 */

/** Returns a life for a file. @param {import("../data/model.js").Track} track @returns {ShownLife} */
function shown({ lives, name }, at, functions) {
    const of = lives.function[at];
    return {
        category: of < 0 ? "task" : "coroutine",
        name: of < 0 ? name : functions.label(of),
        start: lives.start[at],
        end: lives.start[at] + lives.duration[at],
        level: of < 0 ? 0 : lives.depth[at] + 1,
    };
}

/** Calls `each` with the lives of a track and their indices. */
export function eachLife(track, functions, each) {
    for (let at = 0; at < (track.lives?.count ?? 0); at += 1) {
        each(shown(track, at, functions), at);
    }
}

/** Returns the arguments of a life in .pftrace. */
export function lifeArguments({ lives }, at) {
    return {
        running_ns: lives.running[at],
        awaiting_ns: Math.max(0, lives.duration[at] - lives.running[at]),
        resumes: lives.resumes[at],
        end: ENDS[lives.end[at]],
        ...(lives.isBeginUnknown[at] ? { begin_unknown: true } : {}),
    };
}

/** Returns the members of the begin and of the end of a life in a trace in JSON. */
export function lifeMembers(track, { category, name }, at) {
    const { lives, tid } = track;
    const number = (id) => `0x${((BigInt(tid - FIRST_TASK) << 32n) | BigInt(id)).toString(16)}`;
    const common = { cat: category, id2: { local: number(lives.id[at]) }, scope: SCOPE, name };
    const args = {
        running_us: lives.running[at] / 1000,
        awaiting_us: Math.max(0, lives.duration[at] - lives.running[at]) / 1000,
        resumes: lives.resumes[at],
        end: ENDS[lives.end[at]],
        ...(lives.isBeginUnknown[at] ? { begin: "unknown" } : {}),
        ...(lives.awaitedBy[at] > 0 ? { awaited_by: number(lives.awaitedBy[at]) } : {}),
    };
    return [{ ph: "b", ...common, args }, { ph: "e", ...common }];
}
