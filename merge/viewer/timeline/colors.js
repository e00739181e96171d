// Colours of calls: the same function has the same colour in every report, and text on it is readable in both themes.

/** Hues of a theme in OKLCH: equal differences look equal. */
const HUES = 24;
const THEMES = {
    light: { lightness: [0.86, 0.82, 0.9], chroma: 0.066, grey: 0.012, ink: "#1c2128", unknown: "#ffd978", ground: [255, 255, 255] },
    dark: { lightness: [0.43, 0.39, 0.47], chroma: 0.066, grey: 0.012, ink: "#f2f4f7", unknown: "#6b4e0a", ground: [22, 25, 30] },
};

/** The share of their colour that calls keep if they wait; the rest is the background. */
const PALE = 0.47;

/** Converts OKLCH to sRGB, 0 to 255 each. */
export function rgbOf(lightness, chroma, hue) {
    const a = chroma * Math.cos((hue * Math.PI) / 180);
    const b = chroma * Math.sin((hue * Math.PI) / 180);
    const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
    const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
    const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
    return [
        4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
        -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
        -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
    ].map((linear) => {
        const value = linear <= 0.0031308 ? 12.92 * linear : 1.055 * Math.max(linear, 0) ** (1 / 2.4) - 0.055;
        return Math.round(Math.min(Math.max(value, 0), 1) * 255);
    });
}

/** Returns a hash of a text. @param {string} text */
export function hash(text) {
    let value = 2166136261;
    for (let i = 0; i < text.length; i += 1) {
        value = Math.imul(value ^ text.charCodeAt(i), 16777619);
    }
    value = Math.imul(value ^ (value >>> 15), 2246822507);
    return (value ^ (value >>> 13)) >>> 0;
}

/** Returns the contrast of two colours by WCAG: 1 to 21. */
export function contrast(one, other) {
    const luminance = (rgb) => {
        const [r, g, b] = rgb.map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
}

/** Returns a pixel of an ImageData as 32 bits (all machines with browsers are little-endian). */
export function pixelOf([red, green, blue], alpha = 255) {
    return ((alpha << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

/** How strong the colours of a difference are. */
const CHROMA = 0.09;
const [RED, BLUE] = [25, 255];

/**
 * Returns the CSS colour of a difference: the stronger, the larger the share of one side.
 * @param {number} base @param {number} head @param {"light"|"dark"} theme
 */
export function differenceColor(base, head, theme) {
    const share = base + head > 0 ? (head - base) / (base + head) : 0;
    const { lightness } = THEMES[theme];
    // The root makes a few hundredths more visible, too.
    const chroma = Math.sqrt(Math.abs(share)) * CHROMA;
    return `rgb(${rgbOf(lightness[0], chroma, share > 0 ? RED : BLUE).join(" ")})`;
}

/** Consecutive processes have very different hues. */
function placeOfProcess({ index }) {
    return (index * 7 + 12) % HUES;
}

export class Colors {
    /**
     * @param {import("../data/model.js").Functions} functions
     * @param {"light"|"dark"} theme
     * @param {"function"|"file"|"process"} mode
     */
    constructor(functions, theme, mode) {
        const { lightness, chroma, grey, ink, unknown, ground } = THEMES[theme];
        this.ink = ink;
        this.waits = functions.waits;
        /** The colour of "[overwritten]", and its function. */
        Object.assign(this, { unknown, overwritten: functions.overwritten });
        this.mode = mode;
        /** The palette: hues in all brightnesses, then one grey per brightness for C functions. */
        this.palette = lightness.flatMap((light) => Array.from({ length: HUES }, (_, i) =>
            rgbOf(light, chroma, (i * 360) / HUES + 20)));
        this.greys = this.palette.length;
        this.palette.push(...lightness.map((light) => rgbOf(light, grey, 260)));
        this.pixels = Uint32Array.from(this.palette, (rgb) => pixelOf(rgb));
        const css = (rgb) => `rgb(${rgb.join(" ")})`;
        this.css = this.palette.map(css);
        /** The same, pale, for calls that wait. */
        this.pale = this.palette.map((rgb) => rgb.map((of, i) => Math.round(of * PALE + ground[i] * (1 - PALE))));
        this.paleCss = this.pale.map(css);
        /** By function, an index in the palette. */
        this.byFunction = Uint8Array.from({ length: functions.count }, (_, i) => this.#paletteIndex(functions, i));
    }

    #paletteIndex(functions, index) {
        const file = functions.file(index);
        if (this.mode === "file") {
            const group = functions.categories.get(index) ?? file;
            return file === "" && group === "" && !functions.isSpan(index) ? this.greys : hash(group) % this.greys;
        }
        const own = hash(functions.name(index) + file);
        const isOfC = file === "" && !functions.categories.has(index) && !functions.isSpan(index);
        return isOfC ? this.greys + (own % 3) : own % this.greys;
    }

    /** Returns the palette index of all calls of a process, or -1 if each function has its own. */
    paletteIndex(process) {
        return this.mode === "process" && process ? placeOfProcess(process) : -1;
    }

    /** Returns the CSS colour of a process. */
    colorOfProcess(process) {
        return this.css[placeOfProcess(process)];
    }

    /** Returns the CSS colour of a function's calls. */
    colorOf(index, process) {
        if (index >= 0 && index === this.overwritten) {
            return this.unknown;
        }
        const own = this.paletteIndex(process);
        return (this.waits.has(index) ? this.paleCss : this.css)[own >= 0 ? own : this.byFunction[index] ?? this.greys];
    }

    /** Returns the colour of a function's calls as red, green and blue. @param {number} own  see paletteIndex */
    shadeOf(index, own) {
        return (this.waits.has(index) ? this.pale : this.palette)[own < 0 ? this.byFunction[index] : own];
    }
}
