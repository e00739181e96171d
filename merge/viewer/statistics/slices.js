// Long work in short slices, so that the page stays alive: work is a generator that yields how much of it is done.

/** The page waits no longer than this for a slice, in milliseconds. */
const SLICE = 10;

/** What work throws that was given up. */
export class Stopped extends Error {}

/**
 * Does all of the work and gives what it returns.
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
            await turn();
            begin = performance.now();
        }
        if (signal?.aborted) {
            throw new Stopped();
        }
    }
}

/** The same at once. @template T @param {Generator<number, T>} work @returns {T} */
export function atOnce(work) {
    for (;;) {
        const { done, value } = work.next();
        if (done) {
            return value;
        }
    }
}

/** Waits until the page has had its turn. A message is not slowed down in a page that nobody sees, as a timer is. */
function turn() {
    return new Promise((resolve) => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => {
            port1.close();
            resolve();
        };
        port2.postMessage(null);
    });
}
