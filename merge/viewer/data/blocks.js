// The page's own data: base64 and gzip to bytes, block by block, and to the trace.

import { Decoder } from "./decode.js";

/** Work without a pause, in milliseconds: the page must stay alive. */
const PATIENCE = 10;

/** Lets the browser do what it has to do. */
export function pause() {
    return new Promise((resume) => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => {
            port1.close();
            resume();
        };
        port2.postMessage(null);
    });
}

/** @param {string} base64 @returns {Uint8Array} */
export function bytesOf(base64) {
    if (typeof Uint8Array.fromBase64 === "function") {
        return Uint8Array.fromBase64(base64);
    }
    const binary = atob(base64);
    const bytes = new Uint8Array(binary.length);
    for (let i = 0; i < binary.length; i += 1) {
        bytes[i] = binary.charCodeAt(i);
    }
    return bytes;
}

/** What was compressed by gzip. @param {Uint8Array} bytes @returns {Promise<Uint8Array>} */
export async function unzipped(bytes) {
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** @param {string} base64 */
function unpacked(base64) {
    return unzipped(bytesOf(base64));
}

/** Takes the text out of an element that is not needed any more. @param {Element} element */
function taken(element) {
    const { textContent } = element;
    element.remove();
    return textContent;
}

/**
 * Reads the trace out of a page. What cannot be read is told in `problems`, and the rest is there.
 * @param {Document} page
 * @param {(done: number, of: number) => void} progress  told how many blocks were read
 * @returns {Promise<{trace: import("./model.js").Trace, problems: string[]}>}
 */
export async function load(page, progress) {
    const decoder = new Decoder(headerOf(page));
    const blocks = [...page.querySelectorAll("script.block")];
    let last = performance.now();
    for (const [done, element] of blocks.entries()) {
        const process = Number(element.dataset.process);
        try {
            decoder.add(process, await unpacked(taken(element)));
        } catch (error) {
            decoder.damaged(process, error);
        }
        if (performance.now() - last > PATIENCE) {
            progress(done + 1, blocks.length);
            await pause();
            last = performance.now();
        }
    }
    const text = new TextDecoder();
    for (const element of page.querySelectorAll("script.source")) {
        try {
            decoder.addSource(text.decode(await unpacked(taken(element))));
        } catch (error) {
            decoder.problems.push(`The text of a source file cannot be read: ${error.message}.`);
        }
    }
    const trace = decoder.finish();
    return { trace, problems: decoder.problems };
}

/** @param {Document} page */
function headerOf(page) {
    const element = page.getElementById("header");
    if (element === null) {
        throw new Error("This report is cut off: its end, which tells what the rest means, is missing.");
    }
    try {
        return JSON.parse(taken(element));
    } catch (error) {
        throw new Error(`This report is damaged: what tells what the rest means cannot be read: ${error.message}.`);
    }
}
