// The timeline's elements and their sizes.

import { Edge } from "./edge.js";

export const MINIMAP_HEIGHT = 52;
export const RULER_HEIGHT = 28;

const LABEL = "Calls over time. H, J, K and L go from call to call, W, A, S and D move and zoom, "
    + "question mark shows all keys.";

export class Stage {
    /** @param {HTMLElement} element @param {() => void} resized */
    constructor(element, resized) {
        const make = (tag, className, parent, attributes = {}) => {
            const one = document.createElement(tag);
            one.className = className;
            Object.entries(attributes).forEach(([name, value]) => one.setAttribute(name, value));
            parent.append(one);
            return one;
        };
        this.element = element;
        this.corner = make("div", "corner", element);
        this.unhide = make("button", "unhide", this.corner, { type: "button" });
        this.count = make("span", "count", this.corner);
        this.wall = make("button", "wall", this.corner, { type: "button" });
        this.wall.textContent = "Clock";
        this.arrows = make("button", "arrows", this.corner, { type: "button", title: "Show arrows between tracks" });
        this.arrows.textContent = "Arrows";
        this.overview = make("canvas", "minimap", element, { "aria-hidden": "true" });
        this.ruler = make("canvas", "ruler", element, { "aria-hidden": "true" });
        this.scroller = make("div", "scroller", element, { tabindex: "-1" });
        this.sheet = make("div", "sheet", this.scroller);
        const window = make("div", "window", this.sheet);
        this.canvas = make("canvas", "tracks", window, { tabindex: "0", role: "application", "aria-label": LABEL });
        this.column = make("div", "names", window, { role: "list", "aria-label": "Tracks" });
        const handle = make("div", "edge", element, {
            role: "separator", tabindex: "0", "aria-orientation": "vertical", "aria-label": "Width of the names",
        });
        this.width = 0;
        this.height = 0;
        const fit = () => this.fit() && resized();
        const edge = new Edge(handle, element, this.column, fit);
        new ResizeObserver(() => {
            fit();
            edge.announce();
        }).observe(this.scroller);
    }

    /** Fits the canvases to the available size. Returns whether there is any. */
    fit() {
        this.ratio = devicePixelRatio;
        this.width = this.scroller.clientWidth - this.column.offsetWidth;
        this.height = this.scroller.clientHeight;
        if (this.width <= 0 || this.height <= 0) {
            return false;
        }
        const sizes = [[this.overview, MINIMAP_HEIGHT], [this.ruler, RULER_HEIGHT], [this.canvas, this.height]];
        for (const [canvas, height] of sizes) {
            canvas.width = Math.round(this.width * this.ratio);
            canvas.height = Math.round(height * this.ratio);
            canvas.style.width = `${canvas.width / this.ratio}px`;
            canvas.style.height = `${canvas.height / this.ratio}px`;
        }
        this.column.style.height = `${this.height}px`;
        return true;
    }

    /**
     * Returns the ruler, the tracks and the names as one picture.
     * @param {[string, number, boolean][]} names  each with its height, and whether it is a process
     */
    picture({ background, text }, names) {
        const { ratio, column } = this;
        const left = column.offsetWidth;
        const picture = document.createElement("canvas");
        picture.width = Math.round((left + this.width) * ratio);
        picture.height = Math.round((RULER_HEIGHT + this.height) * ratio);
        const context = picture.getContext("2d");
        context.fillStyle = background;
        context.fillRect(0, 0, picture.width, picture.height);
        context.drawImage(this.ruler, left * ratio, 0);
        context.drawImage(this.canvas, left * ratio, RULER_HEIGHT * ratio);
        context.scale(ratio, ratio);
        context.rect(0, RULER_HEIGHT, left - 8, this.height);
        context.clip();
        context.textBaseline = "middle";
        context.fillStyle = text;
        for (const [name, y, strong] of names) {
            context.font = `${strong ? "600 " : ""}12px system-ui, sans-serif`;
            context.fillText(name.slice(0, 200), strong ? 10 : 24, RULER_HEIGHT + y + 15);
        }
        return picture;
    }
}
