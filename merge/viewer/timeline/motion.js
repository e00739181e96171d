// Movement of the view: immediate for pointer and wheel, a short glide for keys and jumps.

import { View } from "./view.js";

/** Milliseconds after which two thirds of a glide are done. */
const GLIDE = 55;

export class Motion {
    /** @param {View} view @param {() => void} moved */
    constructor(view, moved) {
        this.view = view;
        this.moved = moved;
        this.goal = null;
        this.before = null;
        this.still = matchMedia("(prefers-reduced-motion: reduce)");
    }

    /** The view at the end of all movement. @returns {View} */
    get end() {
        const view = new View(this.view.duration);
        Object.assign(view, this.view, this.goal);
        return view;
    }

    /** Changes the view at once. @param {(view: View) => void} change */
    jump(change) {
        this.goal = null;
        change(this.view);
        this.moved();
    }

    /** Changes the view within a few frames. @param {(view: View) => void} change */
    glide(change) {
        const end = this.end;
        change(end);
        if (this.still.matches) {
            this.jump((view) => view.show(end.from, end.to));
            return;
        }
        this.goal = { from: end.from, to: end.to };
        this.moved();
    }

    /** Moves by one frame. Returns whether the movement continues. @param {number} now */
    step(now) {
        const { view, goal } = this;
        if (!goal) {
            this.before = null;
            return false;
        }
        const elapsed = Math.min(Math.max(now - (this.before ?? now), 8), 50);
        this.before = now;
        const part = 1 - Math.exp(-elapsed / GLIDE);
        view.from += (goal.from - view.from) * part;
        view.to += (goal.to - view.to) * part;
        if (Math.abs(goal.from - view.from) + Math.abs(goal.to - view.to) < view.scale) {
            Object.assign(view, goal);
            this.goal = null;
        }
        return this.goal !== null;
    }
}
