// The search in the toolbar: by text or regular expression, for functions and spans, arguments, instants and counters.
// All hits are marked, and buttons go from hit to hit.

import { resumesAmong } from "../statistics/coroutines.js";
import { callCounts } from "../statistics/counts.js";
import { inSlices, Stopped } from "../statistics/slices.js";
import { button, element, grouped } from "./element.js";
import { findAll } from "./hits.js";
import { matcher } from "./matches.js";
import { callWord } from "./served.js";
import { Suggestions } from "./suggestions.js";

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
     * @param {{announce: (text: string) => void, changed: () => void, list: (of: number) => void,
     *     found: (functions: Uint8Array|null) => void}} page
     */
    constructor(parent, trace, timeline, { announce, changed, list, found }) {
        Object.assign(this, { trace, timeline, announce, changed, list, found, hits: null });
        this.input = element("input", {
            type: "text",
            placeholder: "search",
            spellcheck: false,
            autocomplete: "off",
            "aria-label": "Search functions, arguments, instants and counters",
            "aria-keyshortcuts": "/",
            title: "Search functions, files, arguments, instants, counters and spans (/)",
            oninput: () => {
                this.#suggest();
                this.#soon();
            },
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
        this.element = parent;
        parent.classList.add("search");
        this.suggestions = new Suggestions(this.input, trace.functions, (of) => this.#choose(of));
        const field = element("div", { className: "field-with-list" }, this.input, this.suggestions.element);
        parent.append(field, this.isRegex, this.isCase, previous, next, calls, this.count);
    }

    /** Searches now; resolves when all hits are marked. @param {string} text */
    search(text) {
        this.input.value = text;
        this.suggestions.hide();
        this.#running = this.#run();
        return this.#running;
    }

    /** Searches again, after the calls have changed. */
    again() {
        this.counts = null;
        if (this.input.value !== "") {
            this.search(this.input.value);
        }
    }

    /** Goes to the next hit or the previous one. @param {1|-1} direction */
    async step(direction) {
        await this.#found();
        const { selection, point } = this.timeline;
        const place = selection ?? (point && !point.gap ? { point } : null);
        const hit = direction > 0 ? this.hits?.after(place) : this.hits?.before(place);
        if (hit) {
            if (hit.point) {
                this.timeline.revealPoint(hit.point);
            } else {
                this.timeline.reveal(hit.track, hit.call, true);
            }
            this.#showCount(this.hits.indexOf(hit) + 1);
        }
    }

    /** Lists the calls of the selected hit's function, or of that of the first hit. */
    async #listCalls() {
        await this.#found();
        const { track = null, call = -1 } = this.timeline.selection ?? {};
        const isHit = this.hits?.matches.functions[track?.function[call]] === 1;
        const hit = isHit ? { track, call } : this.hits?.matches.after(null, -1);
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
            ({ detail }) => {
                option.setAttribute("aria-pressed", String(!pressed(option)));
                this.search(this.input.value);
                // Who clicks wants to write then. Who uses keys wants to stay.
                if (detail > 0) {
                    this.input.focus();
                }
            },
            { "aria-label": label, title: label, "aria-pressed": "false", className: "option" },
        );
        return option;
    }

    #soon() {
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => (this.#running = this.#run()), PAUSE);
    }

    /** Shows the functions that the text finds. */
    #suggest() {
        const wanted = this.#wanted();
        if (this.input.value === "" || "problem" in wanted) {
            this.suggestions.hide();
            return;
        }
        this.counts ??= callCounts(this.trace);
        this.suggestions.show(wanted.test, this.counts);
    }

    /** Searches a function, and goes to its first hit. */
    async #choose(of) {
        this.isRegex.setAttribute("aria-pressed", "false");
        this.search(this.trace.functions.label(of));
        this.timeline.select(null, -1);
        await this.step(1);
    }

    #wanted() {
        return matcher(this.input.value, { isRegex: pressed(this.isRegex), isCase: pressed(this.isCase) });
    }

    #key(event) {
        if (this.suggestions.key(event)) {
            event.preventDefault();
            event.stopPropagation();
            return;
        }
        if (event.key === "Enter") {
            event.preventDefault();
            this.suggestions.hide();
            this.step(event.shiftKey ? -1 : 1);
        } else if (event.key === "Escape") {
            event.preventDefault();
            event.stopPropagation();
            this.search("");
            this.timeline.focus();
        }
    }

    async #run() {
        clearTimeout(this.#timer);
        this.#timer = 0;
        this.#stop.abort();
        this.#stop = new AbortController();
        const { signal } = this.#stop;
        const text = this.input.value;
        const wanted = this.#wanted();
        this.input.setAttribute("aria-invalid", String("problem" in wanted));
        this.changed();
        if (text === "" || "problem" in wanted) {
            this.#mark(null);
            this.#show(wanted.problem ?? "");
            return;
        }
        try {
            const progress = (done) => (this.count.textContent = `${Math.round(done * 100)} %`);
            this.#mark(await inSlices(findAll(this.trace, wanted.test, text), { progress, signal }));
            this.#showCount(0);
        } catch (error) {
            if (!(error instanceof Stopped)) {
                throw error;
            }
        }
    }

    #mark(hits) {
        this.hits = hits;
        const { functions, calls } = hits?.matches ?? {};
        this.timeline.mark(hits && { functions, calls, instants: hits.instants });
        this.found(hits?.matches.functions ?? null);
    }

    #showCount(index) {
        const { count, areCalls, matches } = this.hits;
        const of = index > 0 ? `${grouped(index)} of ` : "";
        const word = callWord(this.trace);
        const what = (areCalls ? word : word.replace("call", "hit")) + (count === 1 ? "" : "s");
        const hiddenCalls = this.trace.hidden?.byFunction ?? [];
        const hidden = hiddenCalls.reduce((sum, own, at) => sum + own * matches.functions[at], 0);
        const rest = hidden > 0 ? `, ${grouped(hidden)} hidden` : "";
        matches.resumes ??= resumesAmong(this.trace.tracks, matches.calls);
        const { resumes } = matches;
        const among = resumes > 0 ? ` (${grouped(resumes)} ${resumes === 1 ? "resume" : "resumes"})` : "";
        this.#show((count === 0 ? "No matches" : `${of}${grouped(count)} ${what}${among}`) + rest);
    }

    /** Shows text beside the buttons. Screen readers read it, as it is an output. */
    #show(text) {
        this.count.textContent = text;
        this.count.title = text;
        this.element.classList.toggle("has-count", this.input.value !== "");
    }
}

function pressed(option) {
    return option.getAttribute("aria-pressed") === "true";
}
