// The state of the view in the URL's hash, and the steps of the user in the browser's history. A zoom, a selection, a
// range or another tab is a step; a zoom in several parts that follow quickly is one step. All other changes belong to
// the step before. Notes belong to no step: going back takes none away.
//
// A page in a frame, as below a cell of a notebook, must leave the history alone: it is that of the page around it. It
// keeps its steps itself.

import { fromHash, toHash } from "./state.js";

/** Milliseconds without a change after which the hash is written. */
const QUIET = 250;
/** Milliseconds between two changes of the visible time that are two steps. */
const APART = 1000;
/** What a step changes. A change of several counts as one of the first of them. */
const STEPS = ["tab", "hide", "hidePattern", "calls", "sandwich", "range", "selection", "point", "view"];

export class Steps {
    #timer = 0;
    /** The steps, in a frame. @type {string[]} */
    #own = [];
    /** The number of the current step. */
    #at = 0;

    /**
     * @param {() => object} state  @param {(state: object) => void} restore
     * @param {(text: string) => void} announce
     */
    constructor(state, restore, announce) {
        Object.assign(this, { state, restore, announce, isFramed: window !== window.top });
        this.changedAt = -Infinity;
        this.kind = "";
        addEventListener("hashchange", () => this.#changed());
        document.addEventListener("keydown", (event) => this.#key(event));
    }

    /** Restores the state in the hash for the first time. */
    read() {
        this.#at = (this.isFramed ? 0 : history.state?.step) ?? 0;
        put(undefined, false, this.#at);
        this.#restore(location.hash);
    }

    /**
     * Reads the report again, with another state of what is shown, except for times and calls.
     * @param {object} change
     */
    turn(change) {
        clearTimeout(this.#timer);
        put(`#${toHash({ ...this.state(), view: undefined, range: undefined, ...change })}`, false, this.#at);
        location.reload();
    }

    /** Takes the present state for that of the current step. */
    settle() {
        this.before = this.#steps();
        this.kind = "";
    }

    /** Goes to the step that the browser shows; to a new one if the user has edited the address. */
    #changed() {
        const step = history.state?.step;
        this.#at = step ?? this.#at + 1;
        put(undefined, false, this.#at);
        this.#restore(location.hash, step !== undefined);
    }

    /** Writes the hash when nothing has changed for a while. */
    write() {
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.#keep(), QUIET);
    }

    /** @param {string} hash @param {boolean} keepsNotes  whether it is an earlier or a later step of this page */
    #restore(hash, keepsNotes = false) {
        clearTimeout(this.#timer);
        const { notes } = this.state();
        this.restore({ ...fromHash(hash), ...(keepsNotes && { notes }) });
        this.settle();
        this.#own[this.#at] ??= hash;
        if (keepsNotes) {
            this.write();
        }
    }

    /** Returns what a step changes, as text. */
    #steps() {
        const state = this.state();
        return Object.fromEntries(STEPS.map((name) => [name, toHash({ [name]: state[name] })]));
    }

    #keep() {
        const hash = `#${toHash(this.state())}`;
        const steps = this.#steps();
        const kind = STEPS.find((name) => steps[name] !== this.before?.[name]);
        const now = performance.now();
        const goesOn = kind === "view" && this.kind === "view" && now - this.changedAt < APART;
        const isStep = kind !== undefined && !goesOn;
        if (kind !== undefined) {
            Object.assign(this, { before: steps, kind, changedAt: now });
        }
        if (isStep) {
            this.#at += 1;
            this.#own.length = this.#at;
        }
        this.#own[this.#at] = hash;
        if (hash !== (location.hash || "#")) {
            put(hash, isStep && !this.isFramed, this.#at);
        }
    }

    /** Goes back or forward by one step. @param {1|-1} by */
    #go(by) {
        if (by < 0 && this.#at === 0) {
            this.announce("There is no earlier view.");
        } else if (!this.isFramed) {
            history.go(by);
        } else if (this.#own[this.#at + by] === undefined) {
            this.announce("There is no later view.");
        } else {
            this.#at += by;
            this.#restore(this.#own[this.#at], true);
            put(this.#own[this.#at], false, this.#at);
        }
    }

    #key(event) {
        const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        const isTyping = /^(input|select|textarea)$/i.test(event.target.tagName ?? "");
        const isAlone = event.altKey && !event.ctrlKey && !event.metaKey && !event.shiftKey;
        if (by && isAlone && !isTyping && !event.defaultPrevented && !document.querySelector("dialog[open]")) {
            event.preventDefault();
            this.#go(by);
        }
    }
}

/** Puts a hash into the address, or leaves it if there is none. A page without its own address cannot do this. */
function put(hash, isStep, step) {
    try {
        history[isStep ? "pushState" : "replaceState"]({ step }, "", hash);
    } catch {
        // The page also works without the hash.
    }
}
