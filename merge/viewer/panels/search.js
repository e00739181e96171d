// The search in the toolbar: by name or regular expression. All hits are marked, and buttons go from hit to hit.

import { inSlices, Stopped } from "../statistics/slices.js";
import { button, element, grouped } from "./element.js";
import { find, matcher } from "./matches.js";

/** Milliseconds without a key before a search begins. */
const PAUSE = 150;

export class Search {
    #stop = new AbortController();
    #timer = 0;
    #running = Promise.resolve();

    /**
     * @param {HTMLElement} parent
     * @param {import("../data/model.js").Trace} trace
     * @param {object} timeline  see timeline/timeline.js
     * @param {{announce: (text: string) => void, changed: () => void, list: (of: number) => void}} page
     */
    constructor(parent, trace, timeline, { announce, changed, list }) {
        Object.assign(this, { trace, timeline, announce, changed, list, matches: null });
        this.input = element("input", {
            type: "search",
            placeholder: "function or file",
            spellcheck: false,
            autocomplete: "off",
            "aria-label": "Search functions",
            "aria-keyshortcuts": "/",
            title: "Search functions (/)",
            oninput: () => this.#soon(),
            onkeydown: (event) => this.#key(event),
        });
        this.isRegex = this.#option(".*", "Regular expression");
        this.isCase = this.#option("Aa", "Match case");
        this.count = element("output", { className: "count" });
        const previous = button("↑", () => this.step(-1), {
            "aria-label": "Previous hit",
            title: "Previous hit (Shift+Enter)",
        });
        const next = button("↓", () => this.step(1), { "aria-label": "Next hit", title: "Next hit (Enter)" });
        const calls = button("≡", () => this.#listCalls(), {
            "aria-label": "List of calls of the hit's function",
            title: "List of calls of the hit's function",
        });
        parent.classList.add("search");
        parent.append(this.input, this.isRegex, this.isCase, previous, next, calls, this.count);
    }

    /** Searches now; resolves when all hits are marked. @param {string} text */
    search(text) {
        this.input.value = text;
        this.#running = this.#run();
        return this.#running;
    }

    /** Searches again, after the calls have changed. */
    again() {
        if (this.input.value !== "") {
            this.search(this.input.value);
        }
    }

    /** Goes to the next hit or the previous one. @param {1|-1} direction */
    async step(direction) {
        await this.#found();
        const { track = null, call = -1 } = this.timeline.selection ?? {};
        const found = direction > 0 ? this.matches?.after(track, call) : this.matches?.before(track, call);
        if (found) {
            this.timeline.reveal(found.track, found.call, true);
            this.#showCount(this.matches.indexOf(found.track, found.call) + 1);
        }
    }

    /** Lists the calls of the selected hit's function, or of that of the first hit. */
    async #listCalls() {
        await this.#found();
        const { track = null, call = -1 } = this.timeline.selection ?? {};
        const isHit = this.matches?.functions[track?.function[call]] === 1;
        const hit = isHit ? { track, call } : this.matches?.after(null, -1);
        if (hit) {
            this.list(hit.track.function[hit.call]);
        }
    }

    /** Searches now if a search is due, and waits for its end. */
    async #found() {
        clearTimeout(this.#timer);
        if (this.#timer !== 0) {
            this.#running = this.#run();
        }
        await this.#running;
    }

    focus() {
        this.input.focus();
        this.input.select();
    }

    /** Returns the search as text: "f", or with options before a slash: "r/f.*", "rc/F", "c/F". */
    getState() {
        const options = (pressed(this.isRegex) ? "r" : "") + (pressed(this.isCase) ? "c" : "");
        const text = this.input.value;
        return options !== "" || /^r?c?\//.test(text) ? `${options}/${text}` : text;
    }

    setState(state) {
        const [, options, text] = /^(?:(r?c?)\/)?(.*)$/s.exec(state ?? "");
        this.isRegex.setAttribute("aria-pressed", String(/r/.test(options ?? "")));
        this.isCase.setAttribute("aria-pressed", String(/c/.test(options ?? "")));
        return this.search(text);
    }

    #option(text, label) {
        const option = button(
            text,
            () => {
                option.setAttribute("aria-pressed", String(!pressed(option)));
                this.search(this.input.value);
            },
            { "aria-label": label, title: label, "aria-pressed": "false", className: "option" },
        );
        return option;
    }

    #soon() {
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.search(this.input.value), PAUSE);
    }

    #key(event) {
        if (event.key === "Enter") {
            event.preventDefault();
            this.step(event.shiftKey ? -1 : 1);
        } else if (event.key === "Escape") {
            event.preventDefault();
            event.stopPropagation();
            this.search("");
            this.timeline.focus();
        }
    }

    async #run() {
        this.#timer = 0;
        this.#stop.abort();
        this.#stop = new AbortController();
        const { signal } = this.#stop;
        const text = this.input.value;
        const wanted = matcher(text, { isRegex: pressed(this.isRegex), isCase: pressed(this.isCase) });
        this.input.setAttribute("aria-invalid", String("problem" in wanted));
        this.changed();
        if (text === "" || "problem" in wanted) {
            this.matches = null;
            this.timeline.mark(null);
            this.#show(wanted.problem ?? "");
            return;
        }
        try {
            const progress = (done) => (this.count.textContent = `${Math.round(done * 100)} %`);
            this.matches = await inSlices(find(this.trace, wanted.test), { progress, signal });
            this.timeline.mark(this.matches);
            this.#showCount(0);
        } catch (error) {
            if (!(error instanceof Stopped)) {
                throw error;
            }
        }
    }

    #showCount(index) {
        const { count } = this.matches;
        const of = index > 0 ? `${grouped(index)} of ` : "";
        this.#show(count === 0 ? "no call" : `${of}${grouped(count)} ${count === 1 ? "call" : "calls"}`);
    }

    #show(text) {
        this.count.textContent = text;
        this.count.title = text;
        this.announce(text);
    }
}

function pressed(option) {
    return option.getAttribute("aria-pressed") === "true";
}
