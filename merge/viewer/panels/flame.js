// A flame graph on a canvas. The width of a frame is its time; wider frames are to the left. A click or Enter zooms
// into a frame; the arrow keys go from frame to frame.

import { elidedIn } from "../data/elided.js";
import { REST, ROOT } from "../statistics/tree.js";
import { shortened } from "../timeline/labels.js";
import { timeText } from "../timeline/ruler.js";
import { Tooltip } from "../timeline/tooltip.js";
import { element, grouped } from "./element.js";
import { atLeast, notesOfTable } from "./elided.js";

const ROW = 19;
/** Levels below the zoomed frame; deeper ones are visible after another zoom. */
const LEVELS = 400;
/** Narrower frames are not drawn, in pixels. */
const NARROWEST = 0.4;
/** Opacity of frames that a search has not found. */
const FADED = 0.25;
const FONT = "12px system-ui, sans-serif";

/**
 * Returns the visible frames, row by row: the path to the zoomed node, then the nodes below it.
 * @param {import("../statistics/tree.js").CallTree} tree
 * @returns {{node: number, level: number, x: number, width: number}[]}
 */
export function layout(tree, zoomed, width) {
    const way = [];
    for (let at = zoomed; at >= ROOT; at = tree.parent[at]) {
        way.push(at);
    }
    const frames = way.reverse().map((node, level) => ({ node, level, x: 0, width }));
    const scale = tree.total[zoomed] > 0 ? width / tree.total[zoomed] : 0;
    const bottom = way.length + LEVELS;
    for (let next = way.length - 1; next < frames.length; next += 1) {
        const { node, level, x } = frames[next];
        let left = x;
        for (const child of level < bottom ? tree.children(node) : []) {
            const wide = tree.total[child] * scale;
            if (wide < NARROWEST) {
                break;
            }
            frames.push({ node: child, level: level + 1, x: left, width: wide });
            left += wide;
        }
    }
    return frames;
}

export class FlameCanvas {
    #tree = null;
    #elided = new Set();
    #frames = [];
    #zoomed = ROOT;
    #focus = ROOT;

    /**
     * @param {import("../data/model.js").Trace} trace
     * @param {{label: string, rootName: string, isUpward?: boolean, colorOf: (of: number, node: number) => string,
     *     factsOf?: (node: number) => [string, string][], inkOf: () => string,
     *     focused: (of: number, text: string) => void}} options
     */
    constructor(trace, options) {
        Object.assign(this, { trace, options });
        this.canvas = element("canvas", {
            tabIndex: 0,
            role: "application",
            "aria-roledescription": "flame graph",
            "aria-label": options.label,
            onkeydown: (event) => this.#key(event),
            onfocus: () => this.#draw(),
            onblur: () => this.#draw(),
            onclick: (event) => this.#click(event),
            onpointermove: (event) => this.#hover(event),
            onpointerleave: () => this.tooltip.hide(),
        });
        this.element = element("div", { className: "flame" }, this.canvas);
        this.tooltip = new Tooltip(this.element);
        new ResizeObserver(() => this.#layout()).observe(this.element);
        matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
    }

    /**
     * @param {import("../statistics/tree.js").CallTree} tree
     * @param {number[]} path  functions to the zoomed node
     * @param {{has: (of: number) => boolean}} elided  functions of which not all calls are recorded
     */
    show(tree, path = [], elided = new Set()) {
        this.#tree = tree;
        this.#elided = elided;
        this.#zoomed = Math.max(ROOT, tree.find(path));
        this.#focus = this.#zoomed;
        this.#layout();
    }

    /** Highlights functions: the others fade. @param {Uint8Array|null} functions  1 at the index of each */
    mark(functions) {
        this.found = functions;
        this.#draw();
    }

    /** Returns the functions from the root to the zoomed node. */
    get path() {
        return this.#tree === null ? [] : this.#tree.path(this.#zoomed);
    }

    /** Returns a node's facts in words. */
    text(node) {
        const { functions } = this.trace;
        const of = this.#tree.function[node];
        const facts = this.#facts(node).map(([name, value]) => `${name} ${value}`);
        return `${of < 0 ? this.#name(of) : functions.label(of)}: ${facts.join(", ")}`;
    }

    #name(of) {
        return of === REST ? "rare stacks" : of < 0 ? this.options.rootName : this.trace.functions.name(of);
    }

    #facts(node) {
        if (this.options.factsOf) {
            return this.options.factsOf(node);
        }
        const { calls, total, own } = this.#tree;
        const share = total[ROOT] > 0 ? ` (${((total[node] / total[ROOT]) * 100).toFixed(1)} %)` : "";
        const of = this.#tree.function[node];
        const isLeast = this.#elided.has(of) && of >= 0;
        const facts = [["total", atLeast(isLeast, timeText(total[node])) + share]];
        const isCalls = node !== ROOT && of !== this.trace.functions.overwritten;
        const least = atLeast(isLeast, grouped(calls[node]));
        return !isCalls ? facts : [["calls", least], ...facts, ["self", timeText(own[node])]];
    }

    #layout() {
        const width = this.element.clientWidth;
        if (this.#tree === null || width === 0) {
            return;
        }
        this.#frames = layout(this.#tree, this.#zoomed, width);
        const levels = this.#frames.reduce((most, { level }) => Math.max(most, level + 1), 1);
        const scale = devicePixelRatio;
        const height = levels * ROW;
        this.canvas.width = Math.round(width * scale);
        this.canvas.height = Math.round(height * scale);
        this.canvas.style.height = `${height}px`;
        this.levels = levels;
        this.#draw();
    }

    #top(level) {
        return (this.options.isUpward ? this.levels - 1 - level : level) * ROW;
    }

    #draw() {
        if (this.#tree === null || this.#frames.length === 0) {
            return;
        }
        const context = this.canvas.getContext("2d");
        const style = getComputedStyle(this.canvas);
        context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
        context.clearRect(0, 0, this.canvas.width, this.canvas.height);
        context.font = FONT;
        context.textBaseline = "middle";
        for (const frame of this.#frames) {
            this.#drawFrame(context, style, frame);
        }
        const focused = this.#frames.find(({ node }) => node === this.#focus);
        if (focused && document.activeElement === this.canvas) {
            context.strokeStyle = style.getPropertyValue("--accent");
            context.lineWidth = 2;
            context.strokeRect(focused.x + 1, this.#top(focused.level) + 1, Math.max(focused.width - 2, 1), ROW - 2);
        }
    }

    #drawFrame(context, style, { node, level, x, width }) {
        const of = this.#tree.function[node];
        const y = this.#top(level);
        const isAround = node !== this.#zoomed && x === 0 && level < this.path.length;
        const isFound = of >= 0 && this.found?.[of] === 1;
        const isFaded = of >= 0 && this.found && !isFound;
        context.globalAlpha = isFaded ? FADED : isAround ? 0.55 : 1;
        context.fillStyle = of < 0 ? style.getPropertyValue("--line") : this.options.colorOf(of, node);
        context.fillRect(x, y, Math.max(width - (width > 3 ? 1 : 0), 0.5), ROW - 1);
        context.globalAlpha = 1;
        if (isFound) {
            context.fillStyle = style.getPropertyValue("--hit");
            context.fillRect(x, y + ROW - 3, Math.max(width - 1, 1), 2);
        }
        if (width > 24) {
            const name = this.#name(of);
            context.fillStyle = of < 0 ? style.color : this.options.inkOf();
            context.fillText(shortened(context, name.slice(0, 200), width - 8), x + 4, y + ROW / 2);
        }
    }

    #frameAt({ offsetX, offsetY }) {
        const row = Math.floor(offsetY / ROW);
        const wanted = this.options.isUpward ? this.levels - 1 - row : row;
        return this.#frames.find(
            ({ level, x, width }) => level === wanted && offsetX >= x && offsetX < x + Math.max(width, 1),
        );
    }

    #hover(event) {
        const frame = this.#frameAt(event);
        if (!frame) {
            this.tooltip.hide();
            return;
        }
        const of = this.#tree.function[frame.node];
        const { functions } = this.trace;
        const file = of < 0 ? "" : functions.file(of);
        const title = this.#name(of);
        this.tooltip.show(
            { title, location: file === "" ? "" : `${file}:${functions.line(of)}`, facts: this.#facts(frame.node) },
            event.clientX,
            event.clientY,
        );
    }

    #click(event) {
        const frame = this.#frameAt(event);
        if (frame) {
            this.#focusOn(frame.node);
            this.#zoomTo(frame.node);
        }
    }

    #zoomTo(node) {
        this.#zoomed = node;
        this.tooltip.hide();
        this.#layout();
    }

    #focusOn(node) {
        this.#focus = node;
        this.options.focused(this.#tree.function[node], this.text(node));
        this.#draw();
        const frame = this.#frames.find((other) => other.node === node);
        if (frame) {
            const box = this.element.closest(".pane");
            const top =
                this.canvas.getBoundingClientRect().top + this.#top(frame.level) - box.getBoundingClientRect().top;
            const over = Math.min(top, 0) + Math.max(top + ROW - box.clientHeight, 0);
            box.scrollTop += over;
        }
    }

    #key(event) {
        const tree = this.#tree;
        if (tree === null || event.ctrlKey || event.altKey || event.metaKey) {
            return;
        }
        const siblings = this.#focus === ROOT ? [ROOT] : tree.children(tree.parent[this.#focus]);
        const at = siblings.indexOf(this.#focus);
        const [outward, inward] = [() => tree.parent[this.#focus], () => tree.children(this.#focus)[0]];
        const moves = {
            ArrowLeft: () => siblings[at - 1],
            ArrowRight: () => siblings[at + 1],
            Home: () => ROOT,
            ArrowUp: this.options.isUpward ? inward : outward,
            ArrowDown: this.options.isUpward ? outward : inward,
        };
        if (event.key in moves) {
            const to = moves[event.key]();
            if (to >= ROOT) {
                this.#focusOn(to);
            }
        } else if (event.key === "Enter" || event.key === " ") {
            this.#zoomTo(this.#focus);
        } else if ((event.key === "Escape" || event.key === "Backspace") && this.#zoomed !== ROOT) {
            this.#zoomTo(event.key === "Escape" ? ROOT : tree.parent[this.#zoomed]);
        } else {
            return;
        }
        event.preventDefault();
        event.stopPropagation();
    }
}

/** Returns a note about merged branches. @param {import("../statistics/tree.js").CallTree} tree */
export function restText({ least, rest, total }) {
    const share = ((rest / total[ROOT]) * 100).toFixed(1);
    return rest > 0 ? `; of too many stacks, those below ${timeText(least)} are "rare stacks" (${share} %)` : "";
}

/** The canvas, and a line about the focused frame with the actions for its function. */
export class FlameGraph {
    #of = -1;

    /**
     * @param {import("../data/model.js").Trace} trace
     * @param {{pick: (of: number) => void, sandwich: (of: number) => void, list: (of: number) => void}} go
     */
    constructor(trace, { pick, sandwich, list }, options) {
        this.trace = trace;
        this.line = element("output", { className: "flame-line" });
        const act = (text, what) =>
            element("button", { type: "button", hidden: true, onclick: () => what(this.#of) }, text);
        this.actions = [act("Callers and callees", sandwich), act("List of calls", list), act("Next call", pick)];
        const focused = (of, text) => {
            this.#of = of;
            this.line.textContent = text;
            this.actions.forEach((action) => (action.hidden = of < 0));
        };
        this.graph = new FlameCanvas(trace, { ...options, focused });
        this.element = element(
            "div",
            {},
            element("div", { className: "bar about" }, this.line, ...this.actions),
            this.graph.element,
        );
    }

    /** Highlights functions that a search has found; null for no search. @param {Uint8Array|null} functions */
    mark(functions) {
        this.graph.mark(functions);
    }

    show(tree, path, elided) {
        this.graph.show(tree, path, elided);
        const text = this.graph.text(ROOT) + restText(tree) + this.#unknownText(tree);
        this.line.textContent = tree.total[ROOT] > 0 ? text : "No calls.";
        this.actions.forEach((action) => (action.hidden = true));
    }

    /** Returns a note about time with unknown calls. */
    #unknownText(tree) {
        const { overwritten } = this.trace.functions;
        let unknown = 0;
        for (let node = 1; overwritten >= 0 && node < tree.count; node += 1) {
            unknown += tree.function[node] === overwritten ? tree.total[node] : 0;
        }
        const words = "it is unknown what was called: newer events have overwritten it";
        return unknown > 0 ? `; of ${timeText(unknown)} ${words}` : "";
    }
}

/** The pane with the flame graph of the scope. */
export class FlamePane {
    /** @param {import("./scope.js").ScopeBar} bar */
    constructor(bar, graph) {
        Object.assign(this, { bar, graph });
        const hint = "Width is time over all threads. Task calls appear under their event loop.";
        this.notes = element("div");
        const hints = [element("p", { className: "hint" }, hint), this.notes];
        this.element = element("div", {}, bar.element, ...hints, graph.element);
    }

    async show() {
        const tree = await this.bar.counted((progress) => this.bar.scope.tree(progress));
        if (tree && tree !== this.tree) {
            this.tree = tree;
            const elided = elidedIn(this.bar.scope.range);
            this.graph.show(tree, this.graph.graph.path, elided.calls);
            this.notes.replaceChildren(...notesOfTable(elided).map((words) => element("p", { className: "hint" }, words)));
        }
    }
}
