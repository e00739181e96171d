// Runs long work in short slices, so that the page stays responsive. The work is a generator that yields the fraction
// that is done.

import { pause } from "../data/pause.js";

/** The length of a slice, in milliseconds. */
const SLICE = 10;

/** The error of work that was aborted. */
export class Stopped extends Error {}

/**
 * Runs the work to its end and returns its result.
 * @template T
 * @param {Generator<number, T>} work  yields from 0 to 1, often
 * @param {{progress?: (done: number) => void, signal?: AbortSignal}} options
 * @returns {Promise<T>}
 */
export async function inSlices(work, { progress, signal } = {}) {
    let begin = performance.now();
    for (;;) {
        const { done, value } = work.next();
        if (done) {
            return value;
        }
        if (performance.now() - begin >= SLICE) {
            progress?.(value);
            await pause();
            begin = performance.now();
        }
        if (signal?.aborted) {
            throw new Stopped();
        }
    }
}

/** Runs the work in one slice. @template T @param {Generator<number, T>} work @returns {T} */
export function atOnce(work) {
    for (;;) {
        const { done, value } = work.next();
        if (done) {
            return value;
        }
    }
}
