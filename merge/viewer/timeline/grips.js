// The two handles of a range on the ruler: a pointer drags them, keys move them.

import { wheelFactor } from "./input.js";
import { exactText, timeText } from "./ruler.js";

/** Pixels by which an arrow key moves an edge. */
const STEP = 4;

export class Grips {
    /**
     * @param {object} timeline  see timeline.js
     * @param {{timeAt: (x: number, isFree: boolean) => number, next: (time: number, by: number) => number|null,
     *     show: (from: number, to: number) => void}} act  `timeAt` snaps unless `isFree`; `show` shows a range that
     *     still changes
     */
    constructor(timeline, act) {
        Object.assign(this, { timeline, act, held: null });
        this.handles = ["from", "to"].map((edge) => this.#handle(edge));
    }

    #handle(edge) {
        const handle = document.createElement("div");
        handle.className = `grip ${edge}`;
        handle.hidden = true;
        const label = edge === "from" ? "Begin of the range" : "End of the range";
        const title = `${label}: drag it. With Alt it does not snap to calls.`;
        handle.setAttribute("role", "slider");
        Object.assign(handle, { tabIndex: 0, ariaLabel: label, title });
        this.timeline.stage.element.append(handle);
        handle.addEventListener("pointerdown", (event) => this.#hold(handle, edge, event));
        handle.addEventListener("pointermove", (event) => this.held && this.#drag(event));
        handle.addEventListener("pointerup", () => this.#release());
        handle.addEventListener("pointercancel", () => this.#release());
        handle.addEventListener("keydown", (event) => this.#key(edge, event));
        handle.addEventListener("wheel", (event) => {
            event.preventDefault();
            const { motion, view, range } = this.timeline;
            motion.jump((own) => own.zoomAt(view.xOf(range[edge]), wheelFactor(event)));
        }, { passive: false });
        return { edge, handle };
    }

    /** Puts the handles where the edges are. Those that are out of view are hidden. */
    place() {
        const { range, view, trace } = this.timeline;
        for (const { edge, handle } of this.handles) {
            const time = range?.[edge];
            const x = range ? view.xOf(time) : -1;
            handle.hidden = x < 0 || x > view.width;
            if (range) {
                handle.style.setProperty("--x", `${x}px`);
                const ariaValueText = `${timeText(time)} (${exactText(time)})`;
                Object.assign(handle, { ariaValueMin: 0, ariaValueMax: trace.duration, ariaValueNow: time, ariaValueText });
            }
        }
    }

    #hold(handle, edge, event) {
        if (event.button === 0) {
            const { range, view } = this.timeline;
            handle.setPointerCapture(event.pointerId);
            const other = range[edge === "from" ? "to" : "from"];
            this.held = { other, shift: event.clientX - view.xOf(range[edge]), isMoved: false };
        }
    }

    #drag(event) {
        const { other, shift } = this.held;
        const time = this.act.timeAt(event.clientX - shift, event.altKey);
        this.held.isMoved = true;
        this.act.show(Math.min(time, other), Math.max(time, other));
    }

    /** Other parts learn about the range at the end. */
    #release() {
        const { range } = this.timeline;
        if (this.held?.isMoved && range) {
            this.timeline.setRange(range.from, range.to);
        }
        this.held = null;
    }

    /** Left, right: by some pixels. With Shift: to the next begin or end of a call. */
    #key(edge, event) {
        const { timeline, act } = this;
        const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        if (event.key === "Escape") {
            timeline.setRange(null, null);
            timeline.focus();
        } else if (by && timeline.range) {
            const { from, to } = timeline.range;
            const time = timeline.range[edge];
            const next = event.shiftKey ? act.next(time, by) : Math.round(time + by * Math.max(STEP * timeline.view.scale, 1));
            const least = edge === "from" ? 0 : from;
            const most = edge === "from" ? to : timeline.trace.duration;
            const moved = Math.min(Math.max(next ?? time, least), most);
            timeline.setRange(edge === "from" ? moved : from, edge === "from" ? to : moved);
        } else {
            return;
        }
        event.preventDefault();
        event.stopPropagation();
    }
}
