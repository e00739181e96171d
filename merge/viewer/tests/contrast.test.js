// The canvases have enough contrast in both themes: 4.5 for text and signs, as in WCAG for
// text, lines over calls by 3. The page's elements are looked at in the browser (tests/viewer/test_accessibility.py).

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Functions } from "../data/model.js";
import { Colors, contrast, differenceColor } from "../timeline/colors.js";
import { FADED } from "../timeline/painter.js";

const css = readFileSync(new URL("../style.css", import.meta.url), "utf8");
const functions = new Functions(["f"], ["a.py"], [0], [1]);

/** The variables of the first rule for `:root` behind a text. */
function variables(behind) {
    const [, rule] = css.slice(css.indexOf(behind)).match(/:root \{(.*?)\n\s*\}/s);
    return Object.fromEntries([...rule.matchAll(/--([\w-]+): (.*);/g)].map(([, name, value]) => [name, value]));
}

/** Red, green, blue and opacity of `#rrggbb` or `rgb(r g b / n%)`. */
function parsed(color) {
    if (color.startsWith("#")) {
        return [...[1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16)), 1];
    }
    const [red, green, blue, percent = 100] = color.match(/[\d.]+/g).map(Number);
    return [red, green, blue, percent / 100];
}

const light = variables(":root");
const themes = { light, dark: { ...light, ...variables("prefers-color-scheme: dark") } };

for (const [theme, values] of Object.entries(themes)) {
    const { palette, ink } = new Colors(functions, theme, "function");
    /** What is seen of layers, given as names of variables or as numbers; the last one is opaque. */
    const seen = (layer, ...below) => {
        const [red, green, blue, alpha = 1] = Array.isArray(layer) ? layer : parsed(values[layer] ?? layer);
        const ground = alpha < 1 ? seen(...below) : [0, 0, 0];
        return [red, green, blue].map((part, i) => part * alpha + ground[i] * (1 - alpha));
    };
    const check = (least, what, color, ...below) => {
        const found = contrast(seen(color, ...below), seen(...below));
        assert.ok(found >= least, `${what} has ${found.toFixed(2)}`);
    };

    test(`${theme}: text on the canvas can be read`, () => {
        for (const bar of palette) {
            check(4.5, `text on ${bar}`, ink, bar);
            check(4.5, `text on ${bar}, hatched`, ink, "hatch-ink", bar);
            check(4.5, `text on ${bar}, not found by the search`, ink, [...bar, FADED / 255], "background");
            check(4.5, `text on ${bar}, outside of the range`, seen("veil", ink), "veil", bar);
        }
        for (const [base, head] of [[0, 1], [1, 0], [1, 1], [1, 3]]) {
            check(4.5, `text on a difference of ${base} and ${head}`, ink, parsed(differenceColor(base, head, theme)));
        }
        for (const ground of ["background", "ground", "process"]) {
            check(4.5, `text on ${ground}`, "text", ground);
            check(4.5, `muted text on ${ground}`, "muted", ground);
        }
        check(4.5, "a time on the ruler, within the range", "muted", "band", "background");
        check(4.5, "the range's duration", "on-accent", "accent");
        check(4.5, "the pointer's time", "on-tag", "tag");
        check(4.5, "what a gap says", "warning", "background");
    });

    test(`${theme}: signs on the canvas can be seen`, () => {
        for (const sign of ["instant", "object", "hit", "accent", "danger", "warning", "flow"]) {
            check(4.5, sign, sign, "background");
        }
        check(3, "the edge of a gap", "warning", "gap", "background");
        check(3, "the edge of a counter", "counter-edge", "background");
        for (const bar of palette) {
            for (const sign of ["accent", "danger", "flow", "text"]) {
                check(3, `${sign} on ${bar}`, sign, bar);
            }
        }
    });
}

test("calls that wait are pale, and their names can be read", () => {
    for (const theme of ["light", "dark"]) {
        const functions = new Functions(["f", "wait"], ["/x/a.py"], [0, 0], [1, 2]);
        functions.waits = new Set([1]);
        const colors = new Colors(functions, theme, "function");
        const ink = [1, 3, 5].map((at) => Number.parseInt(colors.ink.slice(at, at + 2), 16));
        assert.ok(colors.pale.every((rgb) => contrast(rgb, ink) >= 4.5));
        assert.equal(colors.colorOf(1, null), `rgb(${colors.shadeOf(1, -1).join(" ")})`);
        assert.notDeepEqual(colors.shadeOf(1, -1), colors.palette[colors.byFunction[1]]);
        assert.deepEqual(colors.shadeOf(0, -1), colors.palette[colors.byFunction[0]]);
    }
});
