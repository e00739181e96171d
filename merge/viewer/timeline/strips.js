// The fast part of drawing: each lane of calls becomes one line of pixels in memory, which is then stretched to the
// lane's height. A frame costs a few instructions per visible call and one copy per lane, for any size of trace.

import { DRAWN } from "../data/model.js";
import { firstAfter } from "../data/levels.js";

/** Narrower calls have neither a gap at their end nor text, in pixels. */
const LEAST_GAP = 3;

export class Strips {
    constructor() {
        this.canvas = document.createElement("canvas");
        this.context = this.canvas.getContext("2d", { willReadFrequently: true });
        this.#allocate(1, 64);
    }

    #allocate(width, lines) {
        this.canvas.width = width;
        this.canvas.height = lines;
        this.image = new ImageData(width, lines);
        this.pixels = new Uint32Array(this.image.data.buffer);
        this.width = width;
        this.lines = lines;
        this.used = 0;
    }

    /** Starts a frame with lanes of a width in device pixels. */
    begin(width, lines) {
        if (width !== this.width || lines > this.lines) {
            this.#allocate(width, Math.max(lines, this.lines));
        }
        this.used = 0;
    }

    /**
     * Writes the calls of one depth into the next line.
     * @param {import("../data/levels.js").Levels} levels
     * @param {number} depth
     * @param {{from: number, to: number}} view
     * @param {Uint32Array} colors  pixel by function
     * @param {number} least        calls of at least this width, in pixels, go into `wide`
     * @param {number[]} wide       call, left, right (device pixels) of each are appended
     * @returns {number} the line
     */
    lane(levels, depth, { from, to }, colors, least, wide) {
        const { pixels, width } = this;
        const line = this.used;
        this.used += 1;
        const base = line * width;
        pixels.fill(0, base, base + width);
        const { start, duration, function: functionOf, flags } = levels.track;
        const perTime = width / (to - from);
        const calls = levels.calls(depth, 1 / perTime);
        for (let at = Math.max(0, firstAfter(calls, start, from) - 1); at < calls.length; at += 1) {
            const call = calls[at];
            const begin = start[call] - from;
            if (begin * perTime >= width) {
                break;
            }
            const end = (begin + duration[call]) * perTime;
            if (end < 0) {
                continue;
            }
            // Numbers are compared before they are truncated to 32 bits: a call may end 10^11 pixels away.
            const left = begin > 0 ? (begin * perTime) | 0 : 0;
            const right = Math.min(Math.max(Math.min(end, width) | 0, left + 1), width);
            const color = colors[functionOf[call]];
            if (right - left < LEAST_GAP) {
                pixels[base + left] = color;
                pixels[base + right - 1] = color;
                continue;
            }
            pixels.fill(color, base + left, base + (end < width ? right - 1 : right));
            if (right - left >= least || ((flags[call] & DRAWN) !== 0 && right - left > 4)) {
                wide.push(call, left, right);
            }
        }
        return line;
    }

    /** Copies the lines of this frame to the canvas that `draw` copies from. */
    finish() {
        if (this.used > 0) {
            this.context.putImageData(this.image, 0, 0, 0, 0, this.width, this.used);
        }
    }

    /** Draws a line, stretched. */
    draw(context, line, x, y, width, height) {
        context.drawImage(this.canvas, 0, line, this.width, 1, x, y, width, height);
    }
}
