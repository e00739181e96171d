// The table of coroutines of the scope: calls and resumes, latency, and how much of it was awaiting.

import { timeText } from "../timeline/ruler.js";
import { button, counted, element, labelOf } from "./element.js";
import { numeric } from "./range.js";
import { ScopeBar } from "./scope.js";
import { Table } from "./table.js";

/** The usual order of the table. */
export const MOST_TIME_FIRST = "-total";

const grouped = (key) => (row) => row[key].toLocaleString("en");
const latency = (key) => (row) => (row.whole > 0 ? timeText(row[key]) : "–");
const named = (name, column) => ({ ...column, name });

/** Returns the columns, with the same titles as `--top N --tasks`. */
function columns(functions, { pick, list }) {
    return [
        {
            key: "function",
            title: "function",
            isText: true,
            value: (row) => functions.label(row.function),
            show: (row) =>
                button(labelOf(functions, row.function), () => pick(row.function), {
                    className: "link",
                    title: "Go to its next call",
                }),
        },
        numeric("calls", "calls", "How many calls: each once, from its first resume to its end", (row) =>
            button(row.calls.toLocaleString("en"), () => list(row.function), {
                className: "link",
                title: "List of calls and resumes",
            })),
        numeric("resumes", "resumes", "How often calls went on after they had awaited", grouped("resumes")),
        named("p50_ns", numeric("p50", "p50", "Half of the calls took no longer, from start to end", latency("p50"))),
        named("p99_ns", numeric("p99", "p99", "99 of 100 calls took no longer", latency("p99"))),
        named("max_ns", numeric("max", "max", "The call that took longest", latency("max"))),
        named("awaiting_ns", numeric("awaiting", "awaiting", "Time in which calls awaited")),
        named("running_ns", numeric("running", "running", "Time in which calls ran, with what they called")),
        named("total_ns", numeric("total", "total", "Awaiting and running together")),
        numeric("raised", "raised", "Calls that an exception ended", grouped("raised")),
        numeric("unfinished", "unfinished", "Calls that had not ended when the recording did", grouped("unfinished")),
        numeric("unknown", "unknown", "Calls of which the begin or the end is unknown", grouped("unknown")),
    ];
}

export class CoroutineTable {
    /**
     * @param {import("./scope.js").Scope} scope
     * @param {{pick: (of: number) => void, list: (of: number) => void, clearRange: () => void,
     *     changed: () => void, copy: (text: string) => void}} go
     */
    constructor(scope, go) {
        this.scope = scope;
        const copy = button("Copy as CSV", () => go.copy(this.table.csv()));
        this.bar = new ScopeBar(scope, go.clearRange, copy);
        this.table = new Table({
            caption: "Coroutines",
            columns: columns(scope.trace.functions, go),
            sort: MOST_TIME_FIRST,
            changed: go.changed,
            empty: "Counting …",
        });
        this.notes = element("div", { className: "notes" });
        this.element = element("div", {}, this.bar.element, this.table.element, this.notes);
    }

    /** Computes the table if needed, and shows it. */
    async show() {
        const found = await this.bar.counted((progress) => this.scope.coroutines(progress));
        if (found) {
            this.table.empty = "No coroutines.";
            const rows = found.rows.map((row) => ({ ...row, total: row.awaiting + row.running }));
            this.table.show(rows, this.#caption(found));
            this.notes.replaceChildren(...notes(found).map((words) => element("p", { className: "hint" }, words)));
        }
    }

    #caption({ rows, tasks, awaiting, running }) {
        const calls = rows.reduce((sum, row) => sum + row.calls, 0);
        const begin = this.scope.isWhole ? "in" : "that begin in";
        return (
            `${counted(tasks, "task")}, ${timeText(awaiting)} awaiting, ${timeText(running)} running: ` +
            `${counted(calls, "call")} of ${counted(rows.length, "coroutine function")} ${begin} ${this.scope.text}`
        );
    }
}

/** What the numbers leave out. */
function notes({ rows, unfinishedTasks }) {
    const sum = (key) => rows.reduce((so, row) => so + row[key], 0);
    const others = "p50, p99 and max are of the others.";
    const [unfinished, unknown] = [sum("unfinished"), sum("unknown")];
    const text = (count, words) => (count > 0 ? [`${count.toLocaleString("en")} ${words}`] : []);
    return [
        ...text(unfinished, `calls had not ended when the recording did: ${others}`),
        ...text(unknown, `calls have no known begin or end: ${others}`),
        ...text(unfinishedTasks, "tasks had not ended when the recording did."),
    ];
}
