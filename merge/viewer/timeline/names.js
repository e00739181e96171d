// The column of names. They are elements, so that screen readers, Tab and copying work. Only visible rows have
// elements.

import { greatestOf, numberText } from "./counters.js";

/** A pointer that moves less than this does not drag, in pixels. */
const DRAG = 5;
/** Processes are indented by at most so many levels. */
const MOST_INDENTED = 6;
/** The height of a name with a warning below it. */
const NAME_HEIGHT = 44;

/** Creates an element. Text is never HTML. */
function make(tag, className, text = "", attributes = {}) {
    const element = document.createElement(tag);
    element.className = className;
    element.textContent = text;
    for (const [name, value] of Object.entries(attributes)) {
        element.setAttribute(name, value);
    }
    return element;
}

/**
 * Returns the name, the number and the warning of a row. Above all processes, the name says of which one a row is.
 * @param {import("./layout.js").Row} row
 */
export function wordsOf(row) {
    const words = ownWords(row);
    return row.pinned ? { ...words, name: `${row.process.label}: ${words.name}` } : words;
}

function ownWords({ kind, process, track, counter }) {
    if (kind === "process") {
        const ended = process.isAbnormal ? process.ending : process.state === "living" ? "still running" : "";
        const words = new Set([ended, ...process.losses].filter(Boolean));
        return { name: process.label || "process", number: `pid ${process.pid}`, warning: [...words].join(", ") };
    }
    if (kind === "counter") {
        return { name: counter.name, number: `up to ${numberText(greatestOf(counter))}`, warning: "" };
    }
    const losses = [[track.overwritten, "lost (overwritten)"], [track.lost, "lost (no space)"]];
    const missing = losses.filter(([count]) => count > 0);
    const [at, all] = track.beside ?? [1, 1];
    return {
        name: (track.name || track.kind) + (at > 1 ? ` ${at} of ${all}` : ""),
        number: { task: "task", async: spansText(track) }[track.kind] ?? `tid ${track.tid}`,
        warning: missing.map(([count, what]) => `${count.toLocaleString("en")} ${what}`).join(", "),
    };
}

/** Returns the category of spans, and how many tracks of one name there are. */
function spansText({ category = "", beside: [at, all] = [1, 1] }) {
    return ["async", category, at === 1 && all > 1 ? `${all} rows` : ""].filter(Boolean).join(" ");
}

/** Returns how far a row's name moves down to stay visible below the pinned rows. */
export function shiftOf({ row, y, fixed }, pinnedHeight) {
    return Math.max(0, Math.min((fixed ? 0 : pinnedHeight) - y, row.height - NAME_HEIGHT));
}

/** Returns what a row does not draw until it is unfolded. @param {import("./layout.js").Row} row */
function foldText({ folded, skipped, folds = [] }) {
    const spans = folds.reduce((sum, { count }) => sum + count, 0);
    const words = (number, what) => `${number.toLocaleString("en")} ${what}${number === 1 ? "" : "s"}`;
    const rows = folds.length > 0 ? [`${words(folds.length, "more row")} with ${words(spans, "span")}`] : [];
    const from = skipped > 0 ? [`${skipped} level${skipped === 1 ? "" : "s"} from before the fork`] : [];
    return [...rows, ...from, ...(folded > 0 ? [`${folded} deeper levels`] : [])].join(", ");
}

export class Names {
    /**
     * @param {HTMLElement} column
     * @param {import("./rows.js").Rows} rows
     * @param {() => {row: import("./layout.js").Row, y: number}[]} placed  the visible rows
     * @param {(process: import("../data/model.js").Process) => void} about  shows the details of a process
     */
    constructor(column, rows, placed, about) {
        this.about = about;
        this.column = column;
        this.rows = rows;
        this.placed = placed;
        this.elements = new Map();
        this.drop = make("div", "drop");
        this.drop.hidden = true;
        column.append(this.drop);
    }

    /**
     * Shows the visible rows at their positions on the canvas. The name of a row that begins above stays visible.
     * @param {{row: import("./layout.js").Row, y: number, fixed: boolean}[]} placed
     * @param {number} pinnedHeight
     */
    show(placed, pinnedHeight) {
        const wanted = new Set(placed.map(({ row }) => row.id));
        for (const [id, element] of this.elements) {
            if (!wanted.has(id) && !element.contains(document.activeElement)) {
                element.remove();
                this.elements.delete(id);
            }
        }
        const focus = this.#focus();
        let before = null;
        for (const one of placed) {
            const { row, y } = one;
            const element = this.#elementOf(row);
            element.style.transform = `translateY(${y}px)`;
            element.style.height = `${row.height}px`;
            element.style.setProperty("--shift", `${shiftOf(one, pinnedHeight)}px`);
            const next = before === null ? this.column.firstChild : before.nextSibling;
            if (next !== element) {
                this.column.insertBefore(element, next);
            }
            before = element;
        }
        focus();
    }

    /** Restores the focus to the same button of the same row after the row was moved or replaced. */
    #focus() {
        const button = document.activeElement;
        const row = [...this.elements].find(([, element]) => element.contains(button));
        return () => {
            if (row && document.activeElement !== button) {
                this.elements.get(row[0])?.querySelector(`.${button.className}`)?.focus({ preventScroll: true });
            }
        };
    }

    #elementOf(row) {
        const key = [row.collapsed, row.pinned, row.skipped, row.folded, row.unfolded, row.folds?.length].join();
        const present = this.elements.get(row.id);
        if (present && present.dataset.key === key) {
            return present;
        }
        const element = this.#create(row);
        element.dataset.key = key;
        present?.remove();
        this.column.append(element);
        this.elements.set(row.id, element);
        return element;
    }

    #create(row) {
        const { name, number, warning } = wordsOf(row);
        const label = `${name} ${number}`.trim();
        const className = `row ${row.kind}${row.pinned ? " pinned" : ""}`;
        const title = warning === "" ? label : `${label}: ${warning}`;
        const element = make("div", className, "", { role: "listitem", title });
        element.style.setProperty("--level", Math.min(row.level ?? 0, MOST_INDENTED));
        if (row.kind !== "counter") {
            const attributes = { "aria-expanded": String(!row.collapsed), "aria-label": label };
            element.append(this.#button("toggle", "collapsed", row, attributes));
        }
        const words = make("span", "words");
        words.append(make("span", "name", name), make("span", "number", number));
        if (warning !== "") {
            words.append(make("span", "warning", warning));
        }
        if (row.folded > 0 || row.unfolded || ((row.skipped > 0 || row.folds) && !row.collapsed)) {
            words.append(this.#foldButton(row, name));
        }
        const buttons = make("span", "buttons");
        if (row.kind === "process") {
            buttons.append(this.#aboutButton(row, name));
        } else {
            const pressed = { "aria-pressed": String(row.pinned) };
            const spoken = { "aria-label": `Pin ${name}`, title: "Keep at the top" };
            buttons.append(this.#button("pin", "pinned", row, { ...pressed, ...spoken }));
        }
        buttons.append(this.#button("hide", "hidden", row, { "aria-label": `Hide ${name}`, title: "Hide" }));
        element.append(words, buttons);
        this.#letMove(element, row);
        return element;
    }

    /** Shows or hides the deeper calls of a track. */
    #foldButton(row, name) {
        const isGroup = row.track.beside?.[1] > 1;
        const text = row.unfolded ? (isGroup ? "Fewer rows" : "Fewer levels") : foldText(row);
        const button = this.#button("fold", "unfolded", row, { "aria-label": `${text} of ${name}` });
        button.textContent = text;
        return button;
    }

    /** Shows the details of a process. A click on its name does this, too. */
    #aboutButton({ process }, name) {
        const attributes = { type: "button", "aria-label": `Details of ${name}`, title: "Details" };
        const button = make("button", "about", "i", attributes);
        button.addEventListener("click", () => this.about(process));
        return button;
    }

    /** Creates a toggle button of a row. */
    #button(className, what, row, attributes) {
        const button = make("button", className, "", { type: "button", ...attributes });
        button.addEventListener("click", () => this.rows.flip(what, row.id));
        return button;
    }

    /** Moves rows by dragging their name, or with Alt and the arrow keys on their buttons. */
    #letMove(element, row) {
        element.addEventListener("keydown", (event) => {
            if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
                event.preventDefault();
                this.rows.step(row, event.key === "ArrowUp" ? -1 : 1);
            }
        });
        let from = null;
        element.addEventListener("pointerdown", (event) => {
            if (event.button === 0 && !(event.target instanceof HTMLButtonElement)) {
                from = event.clientY;
                element.setPointerCapture(event.pointerId);
            }
        });
        element.addEventListener("pointermove", (event) => {
            if (from !== null && Math.abs(event.clientY - from) >= DRAG) {
                element.classList.add("dragged");
                const target = this.#targetAt(row, event.clientY);
                this.drop.hidden = target === null;
                this.drop.style.transform = `translateY(${target?.y ?? 0}px)`;
            }
        });
        const end = (event) => {
            const dragged = from !== null && element.classList.contains("dragged");
            const target = dragged ? this.#targetAt(row, event.clientY) : null;
            const isDown = from !== null;
            from = null;
            this.drop.hidden = true;
            element.classList.remove("dragged");
            if (target !== null && event.type === "pointerup") {
                this.rows.move(row, target.before);
            } else if (isDown && !dragged && event.type === "pointerup" && row.kind === "process") {
                this.about(row.process);
            }
        };
        element.addEventListener("pointerup", end);
        element.addEventListener("pointercancel", end);
    }

    /** Returns the siblings between which a row would be dropped. */
    #targetAt(row, clientY) {
        const y = clientY - this.column.getBoundingClientRect().top;
        const siblings = this.placed().filter((one) => areSiblings(one.row, row));
        const next = siblings.find((one) => y < one.y + one.row.height / 2);
        const last = siblings.at(-1);
        return last === undefined ? null
            : { before: next?.row ?? null, y: next ? next.y : last.y + last.row.height };
    }
}

/** Returns the siblings of a row: processes, or the tracks and counters of its process. */
export function areSiblings(one, other) {
    return (one.kind === "process") === (other.kind === "process") && one.pinned === other.pinned
        && (one.kind === "process" || one.process === other.process);
}
