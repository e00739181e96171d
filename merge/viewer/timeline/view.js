// The visible range of time, and its pixels.

/** The shortest visible range, in nanoseconds. */
const LEAST = 20;
/** The part of the view that may be empty beside the trace. */
export const MARGIN = 0.02;

export class View {
    /** @param {number} duration  of the trace, in nanoseconds */
    constructor(duration) {
        this.duration = Math.max(duration, LEAST);
        this.width = 1;
        this.from = 0;
        this.to = 0;
        this.showAll();
    }

    /** Nanoseconds per pixel. */
    get scale() {
        return (this.to - this.from) / this.width;
    }

    /** @param {number} x pixels from the left edge */
    timeAt(x) {
        return this.from + x * this.scale;
    }

    /** @param {number} time */
    xOf(time) {
        return (time - this.from) / this.scale;
    }

    showAll() {
        const margin = this.duration * MARGIN;
        this.from = -margin;
        this.to = this.duration + margin;
    }

    /** Shows a range of time, limited to the trace and its margins. */
    show(from, to) {
        const margin = this.duration * MARGIN;
        const most = this.duration + 2 * margin;
        const span = Math.min(Math.max(to - from, LEAST), most);
        const centred = (from + to - span) / 2;
        this.from = Math.min(Math.max(centred, -margin), this.duration + margin - span);
        this.to = this.from + span;
    }

    /** Zooms, and keeps the time under a pixel there. @param {number} factor above 1: nearer */
    zoomAt(x, factor) {
        const fixed = this.timeAt(x);
        const span = Math.max((this.to - this.from) / factor, LEAST);
        const left = (x / this.width) * span;
        this.show(fixed - left, fixed - left + span);
    }

    /** Moves by pixels; positive shows later times. */
    pan(pixels) {
        const by = pixels * this.scale;
        this.show(this.from + by, this.to + by);
    }

    /** Shows a range of time with a margin at both sides. */
    fit(from, to, margins = 0.1) {
        const margin = Math.max(to - from, LEAST / 2) * margins;
        this.show(from - margin, to + margin);
    }

    /**
     * Makes a range of time visible with as little movement as possible. Zooms in only if it would be too small to see.
     * @param {boolean} keepsZoom  centres it without zooming; of a longer range, the begin is shown
     */
    reveal(from, to, keepsZoom = false) {
        const [width, shown] = [to - from, this.to - this.from];
        if (width < this.scale) {
            this.#centre(from, to, Math.max(width * 40, LEAST * 20));
        } else if (keepsZoom && width > shown) {
            this.show(from - shown / 10, from + shown * 0.9);
        } else if (keepsZoom) {
            this.#centre(from, to, shown);
        } else if (width < shown ? from < this.from || to > this.to : from > this.to || to < this.from) {
            this.#centre(from, to, Math.max(shown, width * 1.2));
        }
    }

    /** Moves until a range of time is in view, at least in part, and never zooms. */
    approach(from, to) {
        if (to < this.from || from > this.to) {
            this.revealTime(from);
        }
    }

    /** Moves as little as possible until a time is visible. @param {number} time */
    revealTime(time) {
        const shown = this.to - this.from;
        if (time < this.from + shown / 50 || time > this.to - shown / 50) {
            this.#centre(time, time, shown);
        }
    }

    #centre(from, to, span) {
        this.show((from + to - span) / 2, (from + to + span) / 2);
    }
}
