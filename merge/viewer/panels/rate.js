// A strip on a canvas: how many calls begin per second over time.

import { timeText } from "../timeline/ruler.js";
import { element, grouped } from "./element.js";

/** Equally long parts of the time, each a bar. */
export const PARTS = 120;
const HEIGHT = 20;

/**
 * Returns the highest rate in words.
 * @param {Uint32Array} begins  by part of the time @param {number} from @param {number} to
 */
export function rateText(begins, from, to) {
    const most = Math.max(...begins);
    const part = (to - from) / begins.length;
    if (most === 0 || !(part > 0)) {
        return "";
    }
    const at = from + begins.indexOf(most) * part;
    return `at most ${grouped((most / part) * 1e9)}, in ${timeText(part)} from ${timeText(at)} on`;
}

export class RateStrip {
    constructor() {
        this.begins = new Uint32Array(PARTS);
        this.canvas = element("canvas", { height: HEIGHT, role: "img", "aria-label": "Calls per second" });
        this.line = element("p", { className: "hint" });
        this.element = element("div", { className: "rate" }, this.line, this.canvas);
        new ResizeObserver(() => this.#draw()).observe(this.element);
        matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
    }

    /** @param {Uint32Array} begins  by part of the time @param {number} from @param {number} to */
    show(begins, from, to) {
        this.begins = begins;
        const words = rateText(begins, from, to);
        this.element.hidden = words === "";
        this.line.textContent = `Calls per second: ${words}`;
        this.canvas.setAttribute("aria-label", `Calls per second: ${words}`);
        this.#draw();
    }

    #draw() {
        const width = this.canvas.clientWidth;
        if (width === 0) {
            return;
        }
        const { canvas, begins } = this;
        canvas.width = Math.round(width * devicePixelRatio);
        canvas.height = Math.round(HEIGHT * devicePixelRatio);
        const context = canvas.getContext("2d");
        context.fillStyle = getComputedStyle(canvas).getPropertyValue("--accent");
        const most = Math.max(...begins);
        const left = (part) => Math.round((part * canvas.width) / begins.length);
        begins.forEach((count, part) => {
            // One call, too, is visible.
            const high = count === 0 ? 0 : Math.max((count / most) * canvas.height, devicePixelRatio);
            context.fillRect(left(part), canvas.height - high, left(part + 1) - left(part), high);
        });
    }
}
