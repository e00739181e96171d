// The right edge of the column of names: it is dragged, or moved by the arrow keys.

const [LEAST, STEP] = [100, 16];

export class Edge {
    /**
     * @param {HTMLElement} handle
     * @param {HTMLElement} timeline  has the width of the column as a variable of its style
     * @param {HTMLElement} column
     * @param {() => void} changed
     */
    constructor(handle, timeline, column, changed) {
        Object.assign(this, { handle, timeline, column, changed });
        handle.addEventListener("pointerdown", (event) => {
            event.preventDefault();
            handle.setPointerCapture(event.pointerId);
        });
        handle.addEventListener("pointermove", (event) => {
            if (handle.hasPointerCapture(event.pointerId)) {
                this.width = event.clientX - timeline.getBoundingClientRect().left;
            }
        });
        handle.addEventListener("keydown", (event) => {
            const by = { ArrowLeft: -STEP, ArrowRight: STEP }[event.key];
            if (by) {
                event.preventDefault();
                this.width = column.offsetWidth + by;
            }
        });
        this.announce();
    }

    set width(width) {
        const most = this.#most;
        this.timeline.style.setProperty("--names-width", `${Math.round(Math.min(Math.max(width, LEAST), most))}px`);
        this.announce();
        this.changed();
    }

    get #most() {
        return Math.max(LEAST, this.timeline.clientWidth / 2);
    }

    /** Tells screen readers the width. */
    announce() {
        const { handle, column } = this;
        Object.assign(handle, { ariaValueNow: column.offsetWidth, ariaValueMin: LEAST, ariaValueMax: this.#most });
    }
}
