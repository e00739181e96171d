// Functions that the typed text finds, below the field, with the numbers of their calls: the arrow keys choose one.

import { element, grouped, labelOf } from "./element.js";

/** Largest number of shown functions. */
const MOST = 8;

export class Suggestions {
    #chosen = -1;
    #found = [];

    /** @param {HTMLInputElement} input @param {(of: number) => void} choose */
    constructor(input, functions, choose) {
        Object.assign(this, { input, functions, choose });
        this.element = element("ul", { id: "suggestions", role: "listbox", "aria-label": "Functions", hidden: true });
        const attributes = { role: "combobox", "aria-autocomplete": "list", "aria-controls": "suggestions" };
        Object.entries(attributes).forEach(([name, value]) => input.setAttribute(name, value));
        input.addEventListener("blur", () => this.hide());
        this.hide();
    }

    /** Shows the functions that a predicate finds, most calls first. @param {Float64Array} counts  by function */
    show(test, counts) {
        const found = [];
        for (let of = 0; of < this.functions.count; of += 1) {
            if (counts[of] > 0 && test(this.functions.label(of))) {
                found.push(of);
            }
        }
        found.sort((a, b) => counts[b] - counts[a] || a - b);
        this.#found = found.slice(0, MOST);
        const left = found.length - this.#found.length;
        const more = element("li", { className: "hint", role: "presentation" }, `and ${grouped(left)} more`);
        const options = this.#found.map((of) => this.#option(of, counts[of]));
        this.element.replaceChildren(...options, ...(left > 0 ? [more] : []));
        this.element.hidden = found.length === 0;
        this.input.setAttribute("aria-expanded", String(found.length > 0));
        this.#choose(-1);
    }

    hide() {
        this.element.hidden = true;
        this.#found = [];
        this.input.setAttribute("aria-expanded", "false");
        this.#choose(-1);
    }

    /** Handles a key. Returns whether it was one of the list's. @param {KeyboardEvent} event */
    key({ key }) {
        const by = { ArrowDown: 1, ArrowUp: -1 }[key];
        if (by && this.#found.length > 0) {
            const places = this.#found.length + 1;
            this.#choose(((this.#chosen + 1 + by + places) % places) - 1);
        } else if (key === "Enter" && this.#chosen >= 0) {
            this.choose(this.#found[this.#chosen]);
        } else if (key === "Escape" && this.#chosen >= 0) {
            this.hide();
        } else {
            return false;
        }
        return true;
    }

    #choose(at) {
        this.#chosen = at;
        [...this.element.children].forEach((option, index) =>
            option.role === "option" && option.setAttribute("aria-selected", String(index === at)));
        if (at >= 0) {
            this.input.setAttribute("aria-activedescendant", `suggestion-${at}`);
        } else {
            this.input.removeAttribute("aria-activedescendant");
        }
    }

    #option(of, count) {
        const number = element("span", { className: "number" }, grouped(count));
        return element(
            "li",
            {
                role: "option",
                id: `suggestion-${this.#found.indexOf(of)}`,
                "aria-selected": "false",
                // The field keeps the focus.
                onpointerdown: (event) => event.preventDefault(),
                onclick: () => this.choose(of),
            },
            labelOf(this.functions, of),
            " ",
            number,
        );
    }
}
