// One function between its callers and its callees.

import { elidedIn } from "../data/elided.js";
import { inSlices } from "../statistics/slices.js";
import { neighbours } from "../statistics/neighbours.js";
import { calleesOf, callersOf } from "../statistics/stacks.js";
import { timeText } from "../timeline/ruler.js";
import { atLeast, notesOfTable } from "./elided.js";
import { button, counted, element, labelOf } from "./element.js";
import { FlameGraph, restText } from "./flame.js";
import { numeric } from "./range.js";
import { ScopeBar } from "./scope.js";
import { Table } from "./table.js";

/** The pane with the callers and callees of a function. */
function* around(tree, range, of) {
    return {
        callers: yield* callersOf(tree, of),
        callees: yield* calleesOf(tree, of),
        beside: yield* neighbours(range, of),
    };
}

export class Sandwich {
    #shown = {};
    #stop = new AbortController();

    /**
     * @param {import("./scope.js").Scope} scope
     * @param {{pick: (of: number) => void, list: (of: number) => void, changed: () => void}
     *     & import("./scope.js").RangeActions} go
     * @param {{colorOf: (of: number) => string, inkOf: () => string}} colors
     */
    constructor(scope, go, colors) {
        this.scope = scope;
        this.of = -1;
        this.go = go;
        this.list = button("List of calls", () => go.list(this.of));
        this.bar = new ScopeBar(scope, go, this.list);
        this.heading = element("h2");
        this.line = element("p", { className: "hint" });
        const graph = (options) =>
            new FlameGraph(
                scope.trace,
                { ...go, sandwich: (of) => this.open(of) },
                { rootName: "", ...colors, ...options },
            );
        this.callers = graph({ label: "Callers: arrow keys, Enter", rootName: "all calls of it", isUpward: true });
        this.callees = graph({ label: "Callees: arrow keys, Enter", rootName: "all calls of it" });
        this.callerTable = this.#table("Callers");
        this.calleeTable = this.#table("Callees");
        const part = (table, flame) => element("section", {}, table.element, flame.element);
        this.parts = element(
            "div",
            { className: "sandwich" },
            part(this.callerTable, this.callers),
            part(this.calleeTable, this.callees),
        );
        this.notes = element("div", { className: "notes" });
        this.element = element("div", {}, this.bar.element, this.heading, this.line, this.parts, this.notes);
    }

    /** Shows another function. @param {number} of */
    open(of) {
        this.of = of;
        this.go.changed();
        return this.show();
    }

    async show() {
        const { of, scope } = this;
        this.parts.hidden = of < 0;
        this.list.hidden = of < 0;
        this.notes.hidden = of < 0;
        this.heading.replaceChildren(of < 0 ? "" : labelOf(scope.trace.functions, of));
        if (of < 0) {
            this.line.textContent =
                "Choose a function: in the table of functions, in the flame graph or of the selected call.";
            return;
        }
        const { version } = scope;
        this.#stop.abort();
        this.#stop = new AbortController();
        const { signal } = this.#stop;
        const answers = await this.bar.counted(async (progress) => {
            const [tree, rows] = await Promise.all([scope.tree(progress), scope.rows(progress)]);
            const isShown = tree === this.#shown.tree && of === this.#shown.of;
            const work = around(tree, scope.range, of);
            return { tree, rows, parts: isShown ? null : await inSlices(work, { progress, signal }) };
        });
        // If the function or the scope has changed meanwhile, another call of this method shows it.
        if (!answers?.parts || of !== this.of || version !== scope.version) {
            return;
        }
        const {
            tree,
            rows,
            parts: { callers, callees, beside },
        } = answers;
        this.#shown = { tree, of };
        const row = rows.find((other) => other.function === of);
        const elided = elidedIn(scope.range);
        const isElided = (other) => elided.calls.has(of) || elided.calls.has(other.function);
        const marked = (all) => all.map((other) => ({ ...other, elided: isElided(other) }));
        const least = elided.calls.has(of) ? "at least " : "";
        const { overwritten } = scope.trace.functions;
        this.line.textContent = row && of === overwritten
            ? `${timeText(row.total)} is unknown: newer events have overwritten the calls.`
            : row
            ? `${least}${counted(row.calls, "call")}, total ${atLeast(least, timeText(row.total))} (recursion once), ` +
              `self ${timeText(row.own)}${restText(tree)}`
            : scope.trace.hidden?.functions[of]
            ? "Its calls are hidden."
            : "Not called in this range.";
        this.callers.show(callers);
        this.callees.show(callees);
        this.callerTable.show(marked(beside.callers));
        this.calleeTable.show(marked(beside.callees));
        this.notes.replaceChildren(
            ...notesOfTable(elided).map((words) => element("p", { className: "hint" }, words)),
        );
    }

    #table(caption) {
        const { functions } = this.scope.trace;
        const name = (row) => (row.function < 0 ? `nothing that ${this.scope.trace.hidden ? "is shown" : "was traced"}` : functions.label(row.function));
        const link = (row) =>
            button(labelOf(functions, row.function), () => this.open(row.function), {
                className: "link",
                title: "Its callers and callees",
            });
        return new Table({
            caption,
            sort: "-total",
            empty: "Nothing.",
            columns: [
                {
                    key: "function",
                    title: "function",
                    isText: true,
                    value: name,
                    show: (row) => (row.function < 0 ? name(row) : link(row)),
                },
                numeric("calls", "calls", "Calls from one to the other", (row) =>
                    row.function === functions.overwritten
                        ? "–"
                        : atLeast(row.elided, row.calls.toLocaleString("en"))),
                numeric("total", "total", "Time in these calls; recursion counts once", (row) =>
                    atLeast(row.elided, timeText(row.total))),
            ],
        });
    }
}
