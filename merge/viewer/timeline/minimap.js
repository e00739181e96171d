// The minimap: the depth of calls on each track over time, the visible part, and the hits. Depths are computed once,
// in slices.

/** Largest number of bands; more tracks share bands. */
const BANDS = 8;

/** Pixels beside an edge of the visible part at which a pointer takes hold of it. */
const EDGE = 6;

/**
 * Computes the depth of calls in each pixel of the whole trace.
 * @param {import("../data/levels.js").Levels} levels
 * @param {Uint16Array} depths  by pixel; raised if this track is deeper
 * @param {number} perPixel     nanoseconds
 */
export function* profile(levels, depths, perPixel) {
    const { start, duration } = levels.track;
    const last = depths.length - 1;
    for (let depth = 0; depth < levels.lanes.length; depth += 1) {
        for (const call of levels.calls(depth, perPixel)) {
            const right = Math.min(Math.floor((start[call] + duration[call]) / perPixel), last);
            for (let x = Math.floor(start[call] / perPixel); x <= right; x += 1) {
                depths[x] = Math.max(depths[x], depth + 1);
            }
        }
        yield;
    }
}

export class Minimap {
    /** @param {HTMLCanvasElement} canvas @param {import("../data/model.js").Trace} trace */
    constructor(canvas, trace, levelsOf) {
        this.canvas = canvas;
        this.trace = trace;
        this.levelsOf = levelsOf;
        this.bands = [];
        this.hits = null;
        this.steps = null;
        this.width = 0;
    }

    /** Starts again, for another width in pixels. */
    resize(width) {
        if (width !== this.width) {
            this.width = width;
            this.steps = this.#build();
        }
    }

    /** Starts again, after the calls have changed. */
    restart() {
        this.ticks = null;
        this.steps = this.#build();
    }

    /** Sets the hits. @param {{calls: Map<number, Uint32Array>}|null} hits */
    mark(hits) {
        this.hits = hits;
        this.ticks = null;
    }

    /** Continues building until the deadline. Returns whether there is something new to draw. */
    work(deadline) {
        if (this.steps === null) {
            return false;
        }
        while (performance.now() < deadline) {
            if (this.steps.next().done) {
                this.steps = null;
                break;
            }
        }
        return true;
    }

    *#build() {
        const { width } = this;
        const tracks = this.trace.tracks.filter((track) => track.count > 0);
        const count = Math.min(BANDS, tracks.length);
        const bands = Array.from({ length: count }, () => ({ depths: new Uint16Array(width), most: 1 }));
        tracks.forEach((track, i) => {
            bands[Math.floor((i * count) / tracks.length)].process ??= track.process;
        });
        this.bands = bands;
        const perPixel = Math.max(this.trace.duration, 1) / width;
        for (const [i, track] of tracks.entries()) {
            const band = bands[Math.floor((i * count) / tracks.length)];
            while (!this.levelsOf(track).ready) {
                this.levelsOf(track).work(performance.now() + 4);
                yield;
            }
            yield* profile(this.levelsOf(track), band.depths, perPixel);
            band.most = Math.max(band.most, track.maxDepth + 1);
        }
    }

    #tickPlaces() {
        const { trace, width, hits } = this;
        const ticks = new Uint8Array(width);
        const perPixel = Math.max(trace.duration, 1) / width;
        for (const [index, calls] of hits.calls) {
            const { start } = trace.tracks[index];
            for (const call of calls) {
                ticks[Math.min(Math.floor(start[call] / perPixel), width - 1)] = 1;
            }
        }
        return ticks;
    }

    /** @param {import("./view.js").View} view @param {(process: object) => string} colorOf */
    draw(view, ratio, height, theme, colorOf) {
        const context = this.canvas.getContext("2d");
        const { width } = this;
        context.setTransform(ratio, 0, 0, ratio, 0, 0);
        context.fillStyle = theme.ground;
        context.fillRect(0, 0, width, height);
        const share = (height - 8) / Math.max(1, this.bands.length);
        this.bands.forEach((band, i) => drawBand(context, band, 4 + i * share, share, colorOf(band.process)));
        if (this.hits) {
            this.ticks ??= this.#tickPlaces();
            context.fillStyle = theme.hit;
            this.ticks.forEach((has, x) => has && context.fillRect(x, 0, 1, 7));
        }
        const left = Math.max(0, (view.from / view.duration) * width);
        const right = Math.min(width, Math.max((view.to / view.duration) * width, left + 3));
        context.fillStyle = theme.veil;
        context.fillRect(0, 0, left, height);
        context.fillRect(right, 0, width - right, height);
        context.strokeStyle = theme.accent;
        context.strokeRect(left + 0.5, 0.5, right - left - 1, height - 1);
        context.fillStyle = theme.accent;
        context.fillRect(left, height / 2 - 8, 3, 16);
        context.fillRect(right - 3, height / 2 - 8, 3, 16);
        context.fillStyle = theme.line;
        context.fillRect(0, height - 1 / ratio, width, 1 / ratio);
    }
}

function drawBand(context, { depths, most }, y, height, color) {
    const bottom = y + height;
    context.fillStyle = color;
    context.beginPath();
    context.moveTo(0, bottom);
    depths.forEach((depth, x) => {
        const top = depth === 0 ? bottom : bottom - Math.max(1, ((depth / most) * (height - 1)));
        context.lineTo(x, top);
        context.lineTo(x + 1, top);
    });
    context.lineTo(depths.length, bottom);
    context.fill();
}

/**
 * Returns what a pointer takes hold of on the minimap: an edge of the visible part, or the part itself. `move` returns
 * the visible part after the pointer has moved to a time.
 * @param {{from: number, to: number, duration: number}} view
 * @param {number} time  @param {number} reach  how near an edge is, in nanoseconds
 * @returns {{isEdge: boolean, move: (time: number) => [number, number]}}
 */
export function gripAt({ from, to, duration }, time, reach) {
    // The view may have margins, which the minimap does not show.
    const [left, right] = [Math.max(from, 0), Math.min(to, duration)];
    const edge = Math.abs(time - left) <= Math.abs(time - right) ? left : right;
    if (Math.abs(time - edge) <= reach && right - left > 2 * reach) {
        const other = edge === left ? to : from;
        const shift = time - edge;
        const move = (now) => {
            const moved = Math.min(Math.max(now - shift, 0), duration);
            return [Math.min(moved, other), Math.max(moved, other)];
        };
        return { isEdge: true, move };
    }
    const shift = time >= from && time <= to ? time - from : (to - from) / 2;
    return { isEdge: false, move: (now) => [now - shift, now - shift + to - from] };
}

/** Lets the pointer move the view by the minimap. */
export function followPointer(canvas, view, moved) {
    let grip = null;
    const timeOf = (event) => (event.offsetX / canvas.clientWidth) * view.duration;
    const under = (event) => gripAt(view, timeOf(event), (EDGE / canvas.clientWidth) * view.duration);
    canvas.addEventListener("pointerdown", (event) => {
        grip = under(event);
        canvas.setPointerCapture(event.pointerId);
        if (!grip.isEdge) {
            drag(event);
        }
    });
    const drag = (event) => {
        if (grip === null) {
            canvas.style.cursor = under(event).isEdge ? "ew-resize" : "";
        } else {
            moved(...grip.move(timeOf(event)));
        }
    };
    canvas.addEventListener("pointermove", drag);
    for (const name of ["pointerup", "pointercancel"]) {
        canvas.addEventListener(name, () => {
            grip = null;
        });
    }
}
