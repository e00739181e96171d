// Pointers and keys: this module maps them to actions, which the timeline performs.

/** A pointer that moves less than this clicks, in pixels. */
export const CLICK = 4;
/** Milliseconds in which a second click makes a double click. */
export const DOUBLE_CLICK = 500;

/** Zoom per pixel of the wheel. */
export function wheelFactor({ deltaY, deltaMode, ctrlKey }) {
    const pixels = deltaMode === 1 ? deltaY * 33 : deltaMode === 2 ? deltaY * 400 : deltaY;
    return Math.exp(-Math.max(-300, Math.min(300, pixels)) * (ctrlKey ? 0.01 : 0.0025));
}

/**
 * Follows wheel, mouse, pen and fingers over the tracks.
 * @param {HTMLElement} canvas
 * @param {object} act  zoomAt(x, factor), pan(dx, dy), click(x, y), open(x, y), hover(x, y) or hover(null),
 *     range(x1, x2, done, isFree)
 */
export function followTracks(canvas, act) {
    followWheel(canvas, act);
    const down = new Map();
    let travelled = 0;
    let ranging = null;
    canvas.addEventListener("pointerdown", (event) => {
        if (event.button !== 0) {
            return;
        }
        canvas.setPointerCapture(event.pointerId);
        down.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
        if (down.size === 1) {
            travelled = 0;
            ranging = event.shiftKey ? event.offsetX : null;
        }
    });
    canvas.addEventListener("pointermove", (event) => {
        const before = down.get(event.pointerId);
        if (!before) {
            act.hover(event.offsetX, event.offsetY);
            return;
        }
        const here = { x: event.offsetX, y: event.offsetY };
        travelled += Math.abs(here.x - before.x) + Math.abs(here.y - before.y);
        if (travelled >= CLICK) {
            act.hover(null);
            if (ranging !== null) {
                act.range(ranging, here.x, false, event.altKey);
            } else if (down.size === 2) {
                pinch(down, event.pointerId, here, act);
            } else {
                act.pan(before.x - here.x, before.y - here.y);
            }
        }
        if (travelled >= CLICK || down.size === 1) {
            down.set(event.pointerId, travelled >= CLICK ? here : before);
        }
    });
    const up = (event) => {
        if (down.delete(event.pointerId) && down.size === 0 && event.type === "pointerup") {
            if (ranging !== null && travelled >= CLICK) {
                act.range(ranging, event.offsetX, true, event.altKey);
            } else if (travelled < CLICK) {
                act.click(event.offsetX, event.offsetY);
            }
        }
    };
    canvas.addEventListener("pointerup", up);
    canvas.addEventListener("pointercancel", up);
    canvas.addEventListener("pointerleave", () => act.hover(null));
    canvas.addEventListener("dblclick", (event) => act.open(event.offsetX, event.offsetY));
}

/** Wheel: zoom; sideways or with Shift: pan; with Alt: scroll. */
export function followWheel(canvas, act) {
    canvas.addEventListener("wheel", (event) => {
        event.preventDefault();
        const { deltaX, deltaY, shiftKey, ctrlKey, altKey } = event;
        if (altKey && !ctrlKey) {
            act.pan(0, deltaY);
        } else if (shiftKey || Math.abs(deltaX) > Math.abs(deltaY)) {
            act.pan(Math.abs(deltaX) > Math.abs(deltaY) ? deltaX : deltaY, 0);
        } else {
            act.zoomAt(event.offsetX, wheelFactor(event));
        }
    }, { passive: false });
}

/** Two fingers: the times under them stay under them. */
function pinch(down, moving, here, act) {
    const [other] = [...down].filter(([id]) => id !== moving).map(([, at]) => at);
    const before = down.get(moving);
    const apart = (at) => Math.max(10, Math.hypot(at.x - other.x, at.y - other.y));
    act.zoomAt((here.x + other.x) / 2, apart(here) / apart(before));
    act.pan((before.x - here.x) / 2, (before.y - here.y) / 2);
}

/** A drag over the ruler marks a range; a click removes it. */
export function followRuler(canvas, act) {
    followWheel(canvas, act);
    let from = null;
    let far = false;
    canvas.addEventListener("pointerdown", (event) => {
        canvas.setPointerCapture(event.pointerId);
        [from, far] = [event.offsetX, false];
    });
    canvas.addEventListener("pointermove", (event) => {
        if (from === null) {
            act.hover(event.offsetX, null);
            return;
        }
        far ||= Math.abs(event.offsetX - from) >= CLICK;
        if (far) {
            act.range(from, event.offsetX, false, event.altKey);
        }
    });
    canvas.addEventListener("pointerup", (event) => {
        if (from !== null) {
            act.range(from, far ? event.offsetX : from, true, event.altKey);
        }
        from = null;
    });
    canvas.addEventListener("pointercancel", () => {
        from = null;
    });
    canvas.addEventListener("pointerleave", () => act.hover(null));
}

/** The action of each key. With Alt, arrow keys to the sides belong to the history. */
export const KEYS = {
    w: ["zoom", 1.5], "+": ["zoom", 1.5], "=": ["zoom", 1.5], s: ["zoom", 1 / 1.5], "-": ["zoom", 1 / 1.5],
    a: ["pan", -0.15], d: ["pan", 0.15], ArrowLeft: ["pan", -0.15], ArrowRight: ["pan", 0.15],
    ArrowUp: ["scroll", -60], ArrowDown: ["scroll", 60], PageUp: ["scroll", -400], PageDown: ["scroll", 400],
    f: ["fit"], m: ["mark"], n: ["note"], 0: ["all"], Home: ["all"], Enter: ["fit"], Escape: ["clear"],
    h: ["walk", "previous"], l: ["walk", "next"], k: ["walk", "parent"], j: ["walk", "child"],
    "Shift+j": ["walk", "longest"], "Shift+Alt+ArrowDown": ["walk", "longest"],
    "Alt+ArrowUp": ["walk", "parent"], "Alt+ArrowDown": ["walk", "child"],
    "[": ["track", -1], "]": ["track", 1], ",": ["point", -1], ".": ["point", 1],
};

/** Returns whether the focused element uses a key: a text field or a list. */
function isTyping({ tagName, type }) {
    return /^(input|select|textarea)$/i.test(tagName ?? "") && type !== "checkbox";
}

/**
 * Handles keys: letters and signs except in text fields, other keys if the element or nothing has the focus.
 * @param {HTMLElement} element
 * @param {(what: string, value: number|string|undefined) => void} act
 */
export function followKeys(element, act) {
    document.addEventListener("keydown", (event) => {
        const { target } = event;
        const isSign = event.key.length === 1 && event.key !== " " && !event.altKey;
        const isFree = isSign && !isTyping(target) && document.querySelector("dialog[open]") === null;
        const isMeant = isFree || target === element || target === document.body;
        if (!isMeant || event.ctrlKey || event.metaKey || event.defaultPrevented) {
            return;
        }
        const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
        const name = event.altKey ? `Alt+${key}` : key;
        const found = (event.shiftKey && KEYS[`Shift+${name}`]) || KEYS[name];
        if (found) {
            event.preventDefault();
            act(...found);
        }
    });
}
