// The menu of what is hidden: kinds of functions, and functions by a pattern. A button beside it shows all again.

import { hide } from "../data/hiding.js";
import { KINDS, kindsOf } from "../data/kinds.js";
import { callCounts } from "../statistics/counts.js";
import { button, counted, element } from "./element.js";
import { matcher } from "./matches.js";
import { menuOf } from "./menu.js";
import { callWord } from "./served.js";

/** Milliseconds without a key before a pattern is used. */
const PAUSE = 150;

/** By kind: its name, and what it is. */
const NAMES = {
    imports: ["import machinery", "importlib, frozen modules, and the functions of C that import modules"],
    c: ["C functions", "Functions that have no source file"],
    library: ["standard library", "Files below lib/python3.X, and frozen modules"],
    installed: ["installed packages", "Files below site-packages or dist-packages"],
};

export class Hiding {
    #timer = 0;
    #pattern = "";

    /**
     * @param {HTMLElement} parent
     * @param {import("../data/model.js").Trace} trace
     * @param {(act: () => void) => void} replace  hides calls by `act`, and shows the others
     */
    constructor(parent, trace, replace) {
        Object.assign(this, { trace, replace, kinds: kindsOf(trace.functions) });
        this.boxes = Object.keys(NAMES).map((kind) => this.#box(kind));
        this.pattern = element("input", {
            type: "search",
            placeholder: "name or file",
            spellcheck: false,
            autocomplete: "off",
            "aria-label": "Hide functions like this pattern",
            title: "A regular expression for names and files of functions",
            oninput: () => this.#soon(),
            onchange: () => this.apply(),
        });
        this.problem = element("span", { className: "problem", role: "status" });
        const pattern = element("label", { className: "pattern" }, "like", this.pattern);
        const hint = element("p", { className: "hint" }, "Their time counts as their callers'.");
        this.menu = menuOf("Hide", ...this.boxes.map(({ label }) => label), pattern, this.problem, hint);
        this.menu.addEventListener("toggle", () => this.menu.open && this.#showCounts());
        this.all = button("Show all", () => this.clear(), { className: "show-all", hidden: true });
        parent.append(this.menu, this.all);
    }

    /** Shows all calls. */
    clear() {
        const hadFocus = document.activeElement === this.all;
        this.setState({});
        if (hadFocus) {
            this.menu.firstChild.focus();
        }
    }

    /** Returns what is hidden, as texts for the hash. */
    getState() {
        const kinds = this.boxes.filter(({ box }) => box.checked).map(({ kind }) => kind);
        return { hide: kinds.join("."), hidePattern: this.#pattern };
    }

    setState({ hide: kinds = "", hidePattern = "" }) {
        this.boxes.forEach(({ kind, box }) => (box.checked = kinds.split(".").includes(kind)));
        this.pattern.value = hidePattern;
        this.apply();
    }

    /** Hides what is chosen. */
    apply() {
        clearTimeout(this.#timer);
        const text = this.pattern.value;
        const wanted = matcher(text, { isRegex: true });
        this.pattern.setAttribute("aria-invalid", String("problem" in wanted));
        this.problem.textContent = wanted.problem ?? "";
        if (!("problem" in wanted)) {
            this.#pattern = text;
        }
        const { hide: kinds, hidePattern } = this.getState();
        const chosen = JSON.stringify([kinds, hidePattern]);
        if (chosen !== (this.chosen ?? '["",""]')) {
            this.chosen = chosen;
            this.replace(() => hide(this.trace, this.#mask(), this.#words()));
            this.#show();
        }
    }

    /** Returns the functions to hide, or null. */
    #mask() {
        const { functions } = this.trace;
        const bits = this.boxes.reduce((sum, { kind, box }) => sum + (box.checked ? KINDS[kind] : 0), 0);
        const { test } = this.#pattern === "" ? { test: () => false } : matcher(this.#pattern, { isRegex: true });
        const isHidden = (of) =>
            of !== functions.overwritten && !functions.isSpan(of) && test(functions.label(of));
        const mask = this.kinds.map((kinds, of) => ((kinds & bits) !== 0 || isHidden(of) ? 1 : 0));
        return bits === 0 && this.#pattern === "" ? null : mask;
    }

    #words() {
        const kinds = this.boxes.filter(({ box }) => box.checked).map(({ kind }) => NAMES[kind][0]);
        return [...kinds, ...(this.#pattern === "" ? [] : [`functions like “${this.#pattern}”`])].join(", ");
    }

    #show() {
        const { hidden } = this.trace;
        this.all.hidden = hidden === null;
        const calls = hidden && counted(hidden.calls, callWord(this.trace));
        this.all.title = hidden === null ? "" : `Hidden: ${hidden.words}, ${calls}`;
    }

    #soon() {
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.apply(), PAUSE);
    }

    #box(kind) {
        const box = element("input", { type: "checkbox", onchange: () => this.apply() });
        const count = element("span", { className: "hint" });
        const [name, title] = NAMES[kind];
        return { kind, box, count, label: element("label", { title }, box, `${name} `, count) };
    }

    /** Shows how many calls each kind has. */
    #showCounts() {
        if (this.boxes[0].count.textContent === "") {
            const counts = callCounts(this.trace, (track) => track.recorded ?? track);
            for (const { kind, count } of this.boxes) {
                const all = counts.reduce((sum, own, of) => sum + (this.kinds[of] & KINDS[kind] ? own : 0), 0);
                count.textContent = counted(all, callWord(this.trace));
            }
        }
    }
}
