// Draws a frame: sets the current colours, then draws the layers in order.

import { Colors, pixelOf } from "./colors.js";
import { drawRows } from "./draw.js";
import { Labels } from "./labels.js";
import { drawFlows, drawPointer, drawRange, drawWide, outline, outlinePoint } from "./overlay.js";
import { drawRuler } from "./axis.js";
import { MINIMAP_HEIGHT } from "./stage.js";
import { wideInstants } from "./points.js";
import { Strips } from "./strips.js";
import { readTheme } from "./theme.js";

/** Opacity of calls that a search has not found. */
export const FADED = 56;

export class Painter {
    /** @param {import("./stage.js").Stage} stage @param {import("../data/model.js").Trace} trace */
    constructor(stage, trace) {
        this.stage = stage;
        this.trace = trace;
        this.strips = new Strips();
        this.labels = new Labels(trace.functions);
        this.coloring = "function";
        this.hasArrows = true;
        this.notes = [];
        this.wide = wideInstants(trace);
        this.found = null;
        this.dark = matchMedia("(prefers-color-scheme: dark)");
        this.repaint();
    }

    /** Recomputes the colours for the current theme, colouring and search. */
    repaint() {
        this.theme = readTheme(this.stage.element, this.stage.canvas.getContext("2d"));
        this.colors = new Colors(this.trace.functions, this.dark.matches ? "dark" : "light", this.coloring);
        this.pixels = new Map();
    }

    /** Returns the pixel colour of a process's calls by function. */
    #pixelsFor(process) {
        const key = this.colors.paletteIndex(process);
        let pixels = this.pixels.get(key);
        if (!pixels) {
            const { found, colors } = this;
            pixels = Uint32Array.from(colors.byFunction, (_, index) =>
                pixelOf(colors.shadeOf(index, key), found && !found[index] ? FADED : 255));
            this.pixels.set(key, pixels);
        }
        return pixels;
    }

    /** Returns the data that all layers of a frame need. */
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
     * @param {object} shown  placed, selection, point, hovered, range, held, pointer, minimap, clock
     */
    draw(scene, { placed, selection, point, hovered, range, held, pointer, minimap, clock }) {
        const { theme, stage, trace, colors } = this;
        const context = stage.canvas.getContext("2d");
        drawRows(context, this.strips, scene, placed);
        drawWide(context, scene, placed, this.wide);
        drawFlows(context, scene, placed, this.hasArrows ? trace.flows : [], selection);
        outline(context, scene, placed, hovered, theme.pointer, 1);
        outline(context, scene, placed, selection, theme.accent, 2);
        outlinePoint(context, scene, placed, point);
        drawRange(context, scene, range);
        drawPointer(context, scene, pointer);
        drawRuler(stage.ruler.getContext("2d"), scene, { range, held, pointer, clock, notes: this.notes });
        minimap.draw(scene.view, scene.ratio, MINIMAP_HEIGHT, theme, (process) => colors.colorOfProcess(process));
    }
}
