// A form for the bounds of the range. It belongs to a bar of the scope.

import { timeIn, typedText } from "../timeline/typed.js";
import { button, element } from "./element.js";

const HINT = "Write a time with its unit, such as 12.5 ms or 1 min 16 s";
const CLOCK_HINT = `${HINT}, or a time of day such as 15:41:26.5`;

export class Bounds {
    /**
     * @param {import("./scope.js").Scope} scope
     * @param {{setRange: (from: number, to: number) => void, clock: () => bigint|null}} go
     *     `clock`: nanoseconds since 1970 at the report's zero, if the timeline shows the wall clock
     */
    constructor(scope, go) {
        Object.assign(this, { scope, go });
        const { baseRealtime } = scope.trace;
        const title = baseRealtime === null ? HINT : CLOCK_HINT;
        const input = () => element("input", { type: "text", title, size: 14, autocomplete: "off", spellcheck: false });
        [this.from, this.to] = [input(), input()];
        const labels = [element("label", {}, "From ", this.from), element("label", {}, "to ", this.to)];
        this.problem = element("span", { className: "warning", ariaLive: "assertive" });
        const set = element("button", {}, "Set");
        this.form = element("form", { className: "bounds", hidden: true }, ...labels, set, this.problem);
        this.form.addEventListener("submit", (event) => {
            event.preventDefault();
            this.#set();
        });
        this.form.addEventListener("keydown", (event) => {
            if (event.key === "Escape") {
                event.stopPropagation();
                this.#open(false);
            }
        });
        this.toggle = button("Type bounds", () => this.#open(this.form.hidden), { ariaExpanded: "false" });
        this.element = element("span", { className: "bounds" }, this.toggle, this.form);
    }

    #open(isOpen) {
        this.form.hidden = !isOpen;
        this.toggle.ariaExpanded = String(isOpen);
        if (isOpen) {
            this.show();
            this.from.select();
        } else {
            this.toggle.focus();
        }
    }

    /** Shows the bounds of the scope. */
    show() {
        if (!this.form.hidden) {
            const { from, to, trace } = this.scope;
            const clock = this.go.clock();
            this.from.value = typedText(Math.max(from, 0), clock);
            this.to.value = typedText(Math.min(to, trace.duration), clock);
            this.#complain("");
        }
    }

    #set() {
        const { baseRealtime, duration } = this.scope.trace;
        const [from, to] = [this.from, this.to].map(({ value }) => timeIn(value, baseRealtime));
        [[this.from, from], [this.to, to]].forEach(([input, time]) => (input.ariaInvalid = String(time === null)));
        if (from === null || to === null) {
            this.#complain(`${this.from.title}.`);
            (from === null ? this.from : this.to).focus();
        } else if (from >= to || from >= duration || to <= 0) {
            this.#complain(from >= to ? "The range must end after it begins." : "The trace has no such time.");
        } else {
            this.go.setRange(Math.max(from, 0), Math.min(to, duration));
            this.show();
        }
    }

    #complain(words) {
        this.problem.textContent = words;
    }
}
