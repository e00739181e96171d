// The lives of tasks and coroutines: from the first time that each one ran to its end. The merge has linked the calls
// that are their pieces. ../README.md describes the bytes.

import { indexFrom } from "./bisect.js";
import { recordedCall } from "./hiding.js";

/** How a life ended, by its number. */
export const ENDS = ["returned", "raised", "unfinished", "unknown"];
/** The bits of that number. */
const END_MASK = 3;
const BEGIN_UNKNOWN = 4;
const COLUMNS = ["function", "depth", "start", "duration", "running", "resumes", "end", "id", "awaitedBy"];

/**
 * The lives of a task and its coroutines, by column, in the order of their begins, outer ones first.
 * @typedef {object} Lives
 * @property {number} count
 * @property {ArrayLike<number>} function  of the coroutine, or -1 for the life of the task
 * @property {ArrayLike<number>} depth     coroutines around it when it first ran
 * @property {ArrayLike<number>} start     when it first ran
 * @property {ArrayLike<number>} duration  from then to its end
 * @property {ArrayLike<number>} running   nanoseconds in its pieces; it awaits the rest
 * @property {ArrayLike<number>} resumes
 * @property {ArrayLike<number>} end       a number of ENDS
 * @property {ArrayLike<number>} isBeginUnknown  1 if it may have begun earlier
 * @property {ArrayLike<number>} id        in the process
 * @property {ArrayLike<number>} awaitedBy  the id of the coroutine that awaits it, or 0
 */

/**
 * Reads a block of lives, and passes each one and the number of its task to `take`.
 * @param {import("./varints.js").Varints} input
 * @param {number} functions  how many there are
 * @param {(task: number, life: object) => void} take
 */
export function readLives(input, functions, take) {
    while (!input.isOver) {
        const [what, task, depth, start, duration] = Array.from({ length: 5 }, () => input.next());
        const [running, resumes, ending, id, awaitedBy] = Array.from({ length: 5 }, () => input.next());
        const of = what === 0 ? -1 : what - 1 < functions ? what - 1 : 0;
        const end = ending & END_MASK;
        const isBeginUnknown = ending & BEGIN_UNKNOWN ? 1 : 0;
        take(task, { function: of, depth, start, duration, running, resumes, end, isBeginUnknown, id, awaitedBy });
    }
}

/** Returns lives as columns. @param {object[]} lives @param {number} zero  is subtracted from all times */
export function livesOf(lives, zero) {
    lives.sort((a, b) => a.start - b.start || a.function - b.function || a.depth - b.depth);
    const column = (name) => Float64Array.from(lives, (life) => life[name]);
    const made = { count: lives.length, isBeginUnknown: Uint8Array.from(lives, (life) => life.isBeginUnknown) };
    COLUMNS.forEach((name) => {
        made[name] = column(name);
    });
    made.start.forEach((time, at) => {
        made.start[at] = Math.max(0, time - zero);
    });
    return made;
}

/** What a call is to the life of a coroutine. */
export const NO_PIECE = 0;
export const FIRST_PIECE = 1;
export const LATER_PIECE = 2;

/** By the column of begins, which is another one when calls are hidden. */
const kept = new WeakMap();

/**
 * Returns of each call of a task's track whether it is a piece of a coroutine, and of which life; and of each life, how
 * deep it is shown, or -1 if its calls are hidden.
 * @param {import("./model.js").Track} track
 * @returns {{kinds: Uint8Array, lives: Int32Array, depths: Int32Array}}
 */
export function piecesOf(track) {
    if (!kept.has(track.start)) {
        kept.set(track.start, shownPieces(track));
    }
    return kept.get(track.start);
}

function shownPieces(track) {
    const all = found({ ...track, ...track.recorded });
    if (!track.shown) {
        return { ...all, depths: Int32Array.from(track.lives.depth) };
    }
    const [kinds, lives] = [new Uint8Array(track.count), new Int32Array(track.count)];
    const depths = new Int32Array(track.lives.count).fill(-1);
    for (let call = 0; call < track.count; call += 1) {
        const recorded = recordedCall(track, call);
        const life = all.lives[recorded];
        [kinds[call], lives[call]] = [all.kinds[recorded], life];
        if (life >= 0 && depths[life] < 0) {
            depths[life] = track.depth[call];
        }
    }
    return { kinds, lives, depths };
}

function found({ count, start, depth, function: functions, lives }) {
    const [kinds, of] = [new Uint8Array(count), new Int32Array(count).fill(-1)];
    /** By function, the lives that go on. @type {Map<number, number[]>} */
    const living = new Map();
    let next = 0;
    for (let call = 0; call < count; call += 1) {
        for (; next < lives.count && lives.start[next] <= start[call]; next += 1) {
            living.set(lives.function[next], [...(living.get(lives.function[next]) ?? []), next]);
        }
        const own = living.get(functions[call])?.filter((life) => endOfLife(lives, life) > start[call]);
        if (own === undefined) {
            continue;
        }
        living.set(functions[call], own);
        const first = own.find((life) => lives.start[life] === start[call]);
        // An exception that is thrown into a coroutine enters it without those around it.
        const thrown = depth[call] === 0 ? own.at(-1) : undefined;
        const life = first ?? own.find((one) => lives.depth[one] === depth[call]) ?? thrown;
        if (life !== undefined) {
            kinds[call] = first === undefined ? LATER_PIECE : FIRST_PIECE;
            of[call] = life;
        }
    }
    return { kinds, lives: of };
}

/** Returns the end of a life. @param {Lives} lives @param {number} life */
export function endOfLife(lives, life) {
    return lives.start[life] + lives.duration[life];
}

/**
 * Returns the call that is the last piece of a life that began before a time, or -1.
 * @param {import("./model.js").Track} track @param {number} life @param {number} time
 */
export function pieceBefore(track, life, time) {
    const { lives } = piecesOf(track);
    let call = indexFrom(track.count, (at) => track.start[at], time + 1) - 1;
    while (call >= 0 && lives[call] !== life) {
        call -= 1;
    }
    return call;
}
