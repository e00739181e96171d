// Chooses several processes, threads, tasks and tracks of spans as the scope: a list of checkboxes that opens beside
// the choice of one.

import { element } from "./element.js";

export class Several {
    /** @param {import("./scope.js").Scope} scope @param {[string, string][]} choices  values and labels */
    constructor(scope, choices) {
        Object.assign(this, { scope, choices, boxes: [] });
        this.list = element("div", { role: "group", "aria-label": "Processes, threads, tasks and spans" });
        this.element = element("details", { className: "several" }, element("summary", {}, "Several"), this.list);
        this.element.hidden = choices.length < 2;
        this.element.addEventListener("toggle", () => this.#fill());
    }

    /** The list is made when it opens for the first time: a trace may have thousands of threads. */
    #fill() {
        if (this.boxes.length === 0) {
            const change = () => this.#choose();
            this.boxes = this.choices.map(([value]) => element("input", { type: "checkbox", value, onchange: change }));
            const labelOf = ([, text], at) => element("label", { className: "check" }, this.boxes[at], text.trim());
            this.list.append(...this.choices.map(labelOf));
        }
        this.show();
    }

    /** Shows what is chosen. */
    show() {
        const chosen = this.scope.where.split(".");
        this.boxes.forEach((box) => (box.checked = chosen.includes(box.value)));
    }

    #choose() {
        this.scope.setWhere(this.boxes.filter(({ checked }) => checked).map(({ value }) => value).join("."));
    }
}
