// Draws a frame: the colours that hold now, then the layers one over the other.

import { Colors, pixelOf } from "./colors.js";
import { drawRows } from "./draw.js";
import { Labels } from "./labels.js";
import { drawFlows, drawPointer, drawRange, outline, outlinePoint } from "./overlay.js";
import { drawRuler } from "./axis.js";
import { MINIMAP_HEIGHT } from "./stage.js";
import { Strips } from "./strips.js";
import { readTheme } from "./theme.js";

/** How opaque calls are that a search has not found. */
export const FADED = 56;

export class Painter {
    /** @param {import("./stage.js").Stage} stage @param {import("../data/model.js").Trace} trace */
    constructor(stage, trace) {
        this.stage = stage;
        this.trace = trace;
        this.strips = new Strips();
        this.labels = new Labels(trace.functions);
        this.coloring = "function";
        this.found = null;
        this.dark = matchMedia("(prefers-color-scheme: dark)");
        this.repaint();
    }

    /** New colours, for the theme, the colouring and the search that hold now. */
    repaint() {
        this.theme = readTheme(this.stage.element, this.stage.canvas.getContext("2d"));
        this.colors = new Colors(this.trace.functions, this.dark.matches ? "dark" : "light", this.coloring);
        this.pixels = new Map();
    }

    /** By function, the pixel of a process's calls. */
    #pixelsFor(process) {
        const place = this.colors.placeOf(process);
        let pixels = this.pixels.get(place);
        if (!pixels) {
            const { byFunction, palette } = this.colors;
            const { found } = this;
            pixels = Uint32Array.from(byFunction, (own, index) =>
                pixelOf(palette[place < 0 ? own : place], found && !found[index] ? FADED : 255));
            this.pixels.set(place, pixels);
        }
        return pixels;
    }

    /** What all layers of a frame need. */
    scene(view, layout, hits, levelsOf) {
        const { stage, theme, labels, colors } = this;
        return {
            view, layout, hits, levelsOf, theme, labels,
            scroll: stage.scroller.scrollTop,
            height: stage.height,
            ratio: stage.ratio,
            ink: colors.ink,
            pixelsFor: (process) => this.#pixelsFor(process),
        };
    }

    /**
     * @param {import("./draw.js").Scene} scene
     * @param {object} shown  placed, selection, point, hovered, range, pointer, minimap, clock
     */
    draw(scene, { placed, selection, point, hovered, range, pointer, minimap, clock }) {
        const { theme, stage, trace, colors } = this;
        const context = stage.canvas.getContext("2d");
        drawRows(context, this.strips, scene, placed);
        drawFlows(context, scene, placed, trace.flows, selection);
        outline(context, scene, placed, hovered, theme.pointer, 1);
        outline(context, scene, placed, selection, theme.accent, 2);
        outlinePoint(context, scene, placed, point);
        drawRange(context, scene, range);
        drawPointer(context, scene, pointer);
        drawRuler(stage.ruler.getContext("2d"), scene, range, pointer, clock);
        minimap.draw(scene.view, scene.ratio, MINIMAP_HEIGHT, theme, (process) => colors.colorOfProcess(process));
    }
}
