// The flame graph of the difference between a base and a head.

import { ROOT } from "../statistics/tree.js";
import { differenceColor } from "../timeline/colors.js";
import { timeText } from "../timeline/ruler.js";
import { element } from "./element.js";
import { FlameGraph } from "./flame.js";
import { ScopeBar } from "./scope.js";

const COLORS = "Grey: as much in both. The width is the time of both together.";
const HINTS = {
    runs:
        `Red: more time in the head. Blue: more in the base. ${COLORS} ` +
        "All numbers are those of a run on average.",
    ranges: `Red: more time in B. Blue: more in A. ${COLORS} A longer range has more time: nothing is scaled.`,
    none: "Choose a range of time, press “Hold as A”, and choose another one, B. Their difference is shown here.",
};

/** Returns a change in percent. One that is shown as 0 has no sign. */
function percentText(percent) {
    const size = Math.abs(percent);
    return size < 0.05 ? "<0.1 %" : `${percent < 0 ? "−" : "+"}${size.toFixed(1)} %`;
}

/** Returns a number of both sides, and the change. @param {(number: number) => string} show */
export function changeText(base, head, show) {
    const both = `${show(base)} → ${show(head)}`;
    const percent = ((head - base) / base) * 100;
    const change = base === 0 ? "new" : head === 0 ? "gone" : percentText(percent);
    return base === head ? show(base) : `${both} (${change})`;
}

const count = (number) => number.toLocaleString("en", { maximumFractionDigits: 1 });

export class Difference {
    /**
     * @param {import("./scope.js").Scope} scope
     * @param {{pick: (of: number) => void, sandwich: (of: number) => void} & import("./scope.js").RangeActions} go
     * @param {{inkOf: () => string}} colors
     */
    constructor(scope, go, { inkOf }) {
        this.scope = scope;
        this.bar = new ScopeBar(scope, go);
        this.graph = new FlameGraph(scope.trace, go, {
            label: "Flame graph of the difference: arrow keys, Enter",
            rootName: "all",
            colorOf: (_, node) => this.#color(node),
            factsOf: (node) => this.#facts(node),
            inkOf,
        });
        this.losses = element("div", { className: "notes" });
        this.hint = element("p", { className: "hint" });
        this.element = element("div", {}, this.bar.element, this.hint, this.graph.element, this.losses);
    }

    async show() {
        const { held, hasDifference } = this.scope;
        this.hint.textContent = HINTS[held ? "ranges" : hasDifference ? "runs" : "none"];
        this.graph.element.hidden = !hasDifference;
        // Both sides of a comparison of runs are shown, whatever process the other panels show.
        const isOfRuns = hasDifference && held === null;
        this.bar.where.parentElement.hidden = isOfRuns;
        this.bar.several.element.hidden = isOfRuns || this.bar.several.choices.length < 2;
        if (!hasDifference) {
            return;
        }
        const shown = await this.bar.counted((progress) => this.scope.difference(progress));
        if (shown && shown !== this.shown) {
            this.shown = shown;
            this.graph.show(shown.tree, this.graph.graph.path);
            this.losses.replaceChildren(...this.#losses());
        }
    }

    #color(node) {
        const { base, head } = this.shown;
        const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
        return differenceColor(base.total[node], head.total[node], isDark ? "dark" : "light");
    }

    #facts(node) {
        const { base, head } = this.shown;
        const of = (key, show) => changeText(base[key][node], head[key][node], show);
        const [calls, total, own] = [of("calls", count), of("total", timeText), of("own", timeText)];
        return node === ROOT ? [["total", total]] : [["calls", calls], ["total", total], ["self", own]];
    }

    /** What is missing, and may be a part of the difference. */
    #losses() {
        const incomplete = this.scope.trace.processes.filter(({ losses }) => losses.length > 0);
        const text = ({ label, pid, losses }) => `${label} (pid ${pid}): ${losses.join(", ")}`;
        return incomplete.map((process) => element("p", { className: "hint" }, text(process)));
    }
}
