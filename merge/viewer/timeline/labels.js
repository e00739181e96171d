// Names of calls that fit a width. All measurements are cached.

export const FONT = "11px system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', sans-serif";

/** Longer names are cut before they are measured. */
const LONGEST = 200;

export class Labels {
    /** @param {import("../data/model.js").Functions} functions */
    constructor(functions) {
        this.functions = functions;
        this.widths = new Float32Array(functions.count).fill(-1);
        /** Widths of cut names, by function and length. */
        this.cutWidths = new Map();
    }

    name(index) {
        return this.functions.name(index).slice(0, LONGEST);
    }

    /**
     * Returns a function's name, cut to a width in pixels; "" if nothing of it fits.
     * @param {CanvasRenderingContext2D} context  with the font set
     */
    fitting(context, index, limit) {
        const name = this.name(index);
        if (!(this.widths[index] >= 0)) {
            this.widths[index] = context.measureText(name).width;
        }
        const width = this.widths[index];
        if (width <= limit) {
            return name;
        }
        let length = Math.floor((name.length * limit) / width);
        while (length > 1 && this.#cutWidth(context, index, name, length) > limit) {
            length -= 1;
        }
        return cut(name, length);
    }

    #cutWidth(context, index, name, length) {
        const key = index * LONGEST + length;
        let width = this.cutWidths.get(key);
        if (width === undefined) {
            width = context.measureText(cut(name, length)).width;
            this.cutWidths.set(key, width);
        }
        return width;
    }
}

/** Returns the first characters of a text and an ellipsis; "" for fewer than two characters. @param {string} text */
export function cut(text, length) {
    if (length < 2) {
        return "";
    }
    const last = text.charCodeAt(length - 1);
    const halved = last >= 0xd800 && last < 0xdc00;
    return `${text.slice(0, halved ? length - 1 : length)}…`;
}

/** Returns a text, cut to a width in pixels. @param {CanvasRenderingContext2D} context  with the font set */
export function shortened(context, text, limit) {
    const { width } = context.measureText(text);
    if (width <= limit) {
        return text;
    }
    let length = Math.floor((text.length * limit) / width);
    while (length > 1 && context.measureText(cut(text, length)).width > limit) {
        length -= 1;
    }
    return cut(text, length);
}
