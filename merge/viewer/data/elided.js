// Functions that were called too often to record all their calls, and processes that recorded calls in bursts only
// (`--max_overhead`). Numbers of them are "at least".

import { list, number, string } from "./header.js";

/**
 * @typedef {object} Elided
 * @property {number} function      its number, or -1 if the trace has no call of it
 * @property {string} name
 * @property {number} since         when this began
 * @property {boolean} onlyCCalls   whether its own calls are recorded, and only those of the C functions that it
 *                                  calls are not
 * @property {{calls: number, error: number}|null} about  about how many calls are not recorded in all, and how far off
 *                                  that may be; null if unknown, or known too badly
 */

/** Stands for a set of all functions. */
const ALL = { has: () => true };

/** Returns of each process whether it recorded calls in bursts only. @param {object} metadata @returns {boolean[]} */
export function burstsByProcess(metadata) {
    return list(metadata?.processes).map((process) => number(process?.bursts) > 0);
}

/**
 * Returns the functions of which not all calls are recorded, of each process.
 * @param {object} metadata  of the report
 * @param {import("./model.js").Functions} functions
 * @param {number} zero  offset that is subtracted from all times
 * @returns {Elided[][]}
 */
export function elidedByProcess(metadata, functions, zero) {
    const processes = list(metadata?.processes).map((process) => list(process?.elided));
    if (processes.every(({ length }) => length === 0)) {
        return [];
    }
    const numbers = new Map(Array.from({ length: functions.count }, (_, of) => [functions.label(of), of]));
    const one = (of) => {
        const [name, file] = [string(of?.name), string(of?.file)];
        const label = file === "" ? name : `${name} (${file}:${number(of?.line)})`;
        const since = Math.round(number(of?.ts) * 1000) - zero;
        const [calls, error] = [number(of?.calls_about), number(of?.calls_error)];
        const about = error < calls ? { calls, error } : null;
        return { function: numbers.get(label) ?? -1, name, since, onlyCCalls: of?.only_c_calls === true, about };
    };
    return processes.map((all) => all.map(one));
}

/**
 * Returns those that concern a range: the functions of which not all calls are recorded, by number and by name, and
 * all functions by which not all calls of C functions are, by number and by name. `isLeast`: whether there are any. In
 * bursts, these are all functions, but without names. `abouts`: those of which it is estimated how often they were
 * called.
 * @param {import("../statistics/range.js").Range} range
 */
export function elidedIn({ tracks, to }) {
    const processes = [...new Set(tracks.map(({ process }) => process))];
    const all = processes.flatMap(({ elided }) => elided ?? []).filter(({ since }) => since < to);
    const whole = all.filter(({ onlyCCalls }) => !onlyCCalls);
    const numbersOf = (some) => new Set(some.map((of) => of.function).filter((of) => of >= 0));
    const inBursts = processes.some((process) => process.inBursts === true);
    return {
        calls: inBursts ? ALL : numbersOf(whole),
        names: namesOf(whole),
        cCalls: inBursts ? ALL : numbersOf(all),
        callers: namesOf([...whole, ...all]),
        abouts: whole.filter(({ about }) => about !== null),
        inBursts,
        isLeast: inBursts || all.length > 0,
    };
}

/** Returns the names, each once. @param {Elided[]} elided */
function namesOf(elided) {
    return [...new Set(elided.map(({ name }) => name))];
}
