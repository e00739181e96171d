// Reads the page's data: decodes base64 and gzip, block by block, and builds the trace.

import { Decoder } from "./decode.js";
import { pause } from "./pause.js";

/** Milliseconds of work between two pauses, so that the page stays responsive. */
const PATIENCE = 10;

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

/** Decompresses gzip data. @param {Uint8Array} bytes @returns {Promise<Uint8Array>} */
export async function unzipped(bytes) {
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Removes an element and returns its bytes. @param {Element} element */
async function unpacked(element) {
    const bytes = bytesOf(taken(element));
    return "uncompressed" in element.dataset ? bytes : unzipped(bytes);
}

/** Removes an element and returns its text. @param {Element} element */
function taken(element) {
    const { textContent } = element;
    element.remove();
    return textContent;
}

/**
 * Reads the trace from a page. `problems` describes data that cannot be read; the rest is in the trace.
 * @param {Document} page
 * @param {(done: number, of: number) => void} progress  gets the number of blocks that were read
 * @param {boolean} together  whether all runs begin together, if the report tells how
 * @returns {Promise<{trace: import("./model.js").Trace, problems: string[]}>}
 */
export async function load(page, progress, together = false) {
    const decoder = new Decoder(headerOf(page), together);
    await addBlocks(decoder, page, progress);
    for (const element of page.querySelectorAll("script.lives")) {
        const process = Number(element.dataset.process);
        try {
            decoder.addLives(process, await unpacked(element));
        } catch (error) {
            decoder.damaged(process, error);
        }
    }
    const text = new TextDecoder();
    for (const element of page.querySelectorAll("script.source")) {
        try {
            decoder.addSource(text.decode(await unpacked(element)));
        } catch (error) {
            decoder.problems.push(`The text of a source file cannot be read: ${error.message}.`);
        }
    }
    const trace = decoder.finish();
    return { trace, problems: decoder.problems };
}

/**
 * Adds the events of a page, or of a tile.
 * @param {Decoder} decoder @param {Document} page
 * @param {(done: number, of: number) => void} progress  gets the number of blocks that were read
 */
export async function addBlocks(decoder, page, progress) {
    const blocks = [...page.querySelectorAll("script.block")];
    let last = performance.now();
    for (const [done, element] of blocks.entries()) {
        const process = Number(element.dataset.process);
        try {
            decoder.add(process, await unpacked(element));
        } catch (error) {
            decoder.damaged(process, error);
        }
        if (performance.now() - last > PATIENCE) {
            progress(done + 1, blocks.length);
            await pause();
            last = performance.now();
        }
    }
}

/** @param {Document} page */
function headerOf(page) {
    const element = page.getElementById("header");
    if (element === null) {
        throw new Error("This report is cut off: its header, which is at the end, is missing.");
    }
    try {
        return JSON.parse(taken(element));
    } catch (error) {
        throw new Error(`This report is damaged: its header cannot be read: ${error.message}.`);
    }
}
