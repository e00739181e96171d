// The border between the timeline and the panel, movable by dragging and with the arrow keys.

const [LEAST, STEP] = [80, 24];

export class Splitter {
    /** @param {HTMLElement} handle @param {HTMLElement} panel @param {() => void} changed */
    constructor(handle, panel, changed) {
        Object.assign(this, { handle, panel, changed });
        handle.addEventListener("pointerdown", (event) => {
            event.preventDefault();
            handle.setPointerCapture(event.pointerId);
        });
        handle.addEventListener("pointermove", (event) => {
            if (handle.hasPointerCapture(event.pointerId)) {
                this.height = panel.getBoundingClientRect().bottom - event.clientY;
            }
        });
        handle.addEventListener("pointerup", changed);
        new ResizeObserver(() => this.#announce()).observe(panel);
        handle.addEventListener("keydown", (event) => {
            const by = { ArrowUp: STEP, ArrowDown: -STEP, PageUp: 8 * STEP, PageDown: -8 * STEP }[event.key];
            if (by) {
                event.preventDefault();
                this.height = panel.offsetHeight + by;
                changed();
            }
        });
    }

    /** The panel's height in pixels. */
    get height() {
        return this.panel.offsetHeight;
    }

    set height(height) {
        this.panel.style.height = `${Math.round(Math.min(Math.max(height, LEAST), this.#most))}px`;
    }

    get #most() {
        return Math.max(LEAST, innerHeight - 160);
    }

    #announce() {
        const { handle, height } = this;
        Object.assign(handle, { ariaValueNow: height, ariaValueMin: LEAST, ariaValueMax: this.#most });
    }
}
