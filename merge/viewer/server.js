// Asks the server that adds to the page. It is below the page's own address.

/** Why the server gave no answer. */
export class NoAnswer extends Error {}

/**
 * @param {import("./data/model.js").Trace} trace
 * @param {"tile"|"functions"} what
 * @param {Record<string, string|number>} parameters
 * @param {AbortSignal=} signal  leaves the request
 * @returns {Promise<string>}
 */
export async function ask({ served }, what, parameters, signal) {
    const query = new URLSearchParams({ ...parameters, trace: served.id });
    let answer;
    try {
        answer = await fetch(`${what}?${query}`, { signal, credentials: "omit" });
    } catch (error) {
        if (signal?.aborted) {
            throw error;
        }
        throw new NoAnswer("The server does not answer: start vizviewer again.");
    }
    const text = await answer.text();
    if (!answer.ok) {
        throw new NoAnswer(text);
    }
    return text;
}
