// The source of the selected call's function, if the report has it.

import { element, grouped } from "./element.js";

/** Lines that are shown before and after. */
const AROUND = 1500;

export class Source {
    #shown = null;

    /** @param {import("../data/model.js").Trace} trace */
    constructor(trace) {
        this.trace = trace;
        this.element = element("div", { className: "source" });
        this.show(-1);
    }

    /** @param {number} of  a function, -1 for none */
    show(of) {
        if (of === this.#shown) {
            return;
        }
        this.#shown = of;
        const { functions, sources } = this.trace;
        const [file, line] = of < 0 ? ["", 0] : [functions.file(of), functions.line(of)];
        const text = sources.get(file);
        if (text === undefined) {
            const why =
                of < 0
                    ? "Select a call to see its source."
                    : file === ""
                      ? `${functions.name(of)} is ${functions.kind(of)}: it has no source here.`
                      : `The text of ${file} is not in this report.`;
            this.element.replaceChildren(element("p", { className: "hint" }, why));
            return;
        }
        this.element.replaceChildren(element("h2", {}, `${file}:${line}`), listing(text.split(/\r?\n/), line));
        this.scroll();
    }

    /** Scrolls to the marked line. The pane must be visible. */
    scroll() {
        this.element.querySelector("[aria-current]")?.scrollIntoView({ block: "center" });
    }
}

/** Creates lines with their numbers; one is marked. */
function listing(lines, marked) {
    const first = Math.max(1, marked - AROUND);
    const last = Math.min(lines.length, marked + AROUND);
    const list = element("ol", { start: first });
    list.style.setProperty("--digits", String(last).length);
    for (let number = first; number <= last; number += 1) {
        const properties = number === marked ? { "aria-current": "true" } : {};
        list.append(element("li", { value: number, ...properties }, element("code", {}, lines[number - 1])));
    }
    const left = lines.length - (last - first + 1);
    return element(
        "div",
        {},
        list,
        left > 0 ? element("p", { className: "hint" }, `… ${grouped(left)} other lines`) : "",
    );
}
