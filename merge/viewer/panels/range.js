// The table of functions of the scope: number of calls and times.

import { withChanges } from "../statistics/changes.js";
import { busy } from "../statistics/statistics.js";
import { timeText } from "../timeline/ruler.js";
import { elidedIn } from "../data/elided.js";
import { CHANGES } from "./changes.js";
import { resumesIn } from "../statistics/coroutines.js";
import { atLeast, notesOfTable } from "./elided.js";
import { button, counted, element, labelOf } from "./element.js";
import { ScopeBar } from "./scope.js";
import { Table } from "./table.js";

/** Returns a column of numbers from a member; times by default. */
export function numeric(key, title, hint, show = (row) => timeText(row[key])) {
    return { key, title, hint, value: (row) => row[key], show };
}

const time = (key, name, ...words) => ({ ...numeric(key, ...words), name });

/** Returns a note about percentages, if there is unknown time. @param {number} unknown  nanoseconds */
function unknownText(unknown) {
    const words = "more are unknown, as the calls of that time were overwritten; percentages are of what is known";
    return unknown > 0 ? `; ${timeText(unknown)} ${words}` : "";
}

/** Returns the number of a function's calls, as text. Resumes of coroutines are counted by themselves. */
export function callsText(row) {
    const resumes = row.resumes ?? 0;
    const calls = atLeast(row.elided, (row.calls - resumes).toLocaleString("en"));
    return resumes > 0 ? `${calls} + ${counted(resumes, "resume")}` : calls;
}

/** The columns of a table of functions, with the same titles as `--top`. */
export function columns(functions, { pick, sandwich, list, longest }) {
    const name = (row) => functions.label(row.function);
    // "[overwritten]" has a time, but no other numbers.
    const known = (show) => (row) => (row.function === functions.overwritten ? "–" : show(row));
    const count = (key) => known((row) => row[key].toLocaleString("en"));
    const link = (textOf, act, properties) =>
        known((row) =>
            row.calls > 0
                ? button(textOf(row), () => act(row.function), { className: "link", ...properties })
                : textOf(row),
        );
    return [
        {
            key: "function",
            title: "function",
            isText: true,
            value: name,
            show: (row) =>
                row.function === functions.overwritten
                    ? element("em", { title: "Unknown calls: newer events have overwritten them" }, name(row))
                    : button(labelOf(functions, row.function), () => pick(row.function), {
                          className: "link",
                          title: "Go to its next call",
                      }),
        },
        {
            key: "sandwich",
            title: "callers and callees",
            isAction: true,
            show: (row) =>
                button("⇅", () => sandwich(row.function), {
                    "aria-label": `Callers and callees of ${name(row)}`,
                    title: "Callers and callees",
                }),
        },
        numeric("calls", "calls", "How many calls", link(callsText, list, { title: "List of calls" })),
        time("total", "total_ns", "total", "Time in it and its callees; recursion counts once per thread", (row) =>
            atLeast(row.elided, timeText(row.total))),
        time("own", "self_ns", "self", "Time in it without its callees"),
        time("waiting", "waiting_ns", "waiting", "Time of its calls in which it, or what it called, waited"),
        numeric("share", "self %", "Self of all that is known", known((row) => row.share.toFixed(1))),
        time("mean", "mean_ns", "mean", "Time of a call on average", known((row) => timeText(row.mean))),
        time(
            "max",
            "max_ns",
            "max",
            "Time of the longest call",
            // The list of calls has the same link for Tab, which has enough stops in each row.
            link((row) => timeText(row.max), longest, { title: "Go to the longest call", tabIndex: -1 }),
        ),
        numeric("raised", "raised", "Calls that an exception ended", count("raised")),
        numeric("unfinished", "unfinished", "Calls that never ended", count("unfinished")),
        { ...numeric("resumes", "resumes", ""), isUnseen: true },
        { ...numeric("elided", "elided", ""), isUnseen: true },
        { ...numeric("elidesCCalls", "elides_c_calls", ""), name: "elides_c_calls", isUnseen: true },
    ];
}

export class FunctionTable {
    /**
     * @param {import("./scope.js").Scope} scope
     * @param {{pick: (of: number) => void, sandwich: (of: number) => void, list: (of: number) => void,
     *     reveal: (track: object, call: number) => void, setRange: (...bounds: ?number[]) => void, changed: () => void,
     *     copy: (text: string) => void}} go
     */
    constructor(scope, go) {
        this.scope = scope;
        this.go = go;
        this.filter = element("input", {
            type: "search",
            placeholder: "filter",
            "aria-label": "Filter functions",
            oninput: () => this.#render(),
        });
        const copy = button("Copy as CSV", () => go.copy(this.table.csv()));
        this.busy = element("input", {
            type: "checkbox",
            onchange: () => {
                go.changed();
                this.show();
            },
        });
        const hint = "Leaves out calls that wait for a lock, data or a time, and their time in the calls around them";
        const busy = element("label", { className: "check", title: hint }, this.busy, "Without waiting");
        this.bar = new ScopeBar(scope, go, this.filter, busy, copy);
        const caption = "Functions";
        const own = columns(scope.trace.functions, { ...go, longest: (of) => this.#longest(of) });
        this.table = new Table({
            caption,
            columns: own,
            sort: "-own",
            changed: go.changed,
            empty: "Counting …",
        });
        this.rows = [];
        // The rows of the other columns are not counted yet.
        scope.follow(() => this.table.setColumns(scope.held ? [...own, ...CHANGES] : own, "-own"));
        this.notes = element("div", { className: "notes" });
        this.element = element("div", {}, this.bar.element, this.table.element, this.notes);
    }

    /** Computes the table if needed, and shows it. */
    async show() {
        const { scope } = this;
        const { version } = scope;
        const isBusy = this.busy.checked;
        const held = scope.held && (await this.bar.counted((progress) => scope.heldRows(progress, isBusy)));
        const all = held === undefined ? undefined : await this.bar.counted((progress) => scope.rows(progress, isBusy));
        // After a change of the scope, the table may have other columns; then it is shown once more.
        if (all && version === scope.version) {
            const { rows: ofRange, leftOut } = this.#wanted(all);
            const rows = held ? withChanges(ofRange, this.#wanted(held).rows) : ofRange;
            this.leftOut = leftOut;
            this.table.empty = "No calls.";
            const own = this.#known(rows).reduce((sum, row) => sum + row.own, 0);
            const share = (row) => (own > 0 && this.#known([row]).length > 0 ? (row.own / own) * 100 : 0);
            this.elided = elidedIn(scope.range);
            const { calls, cCalls } = this.elided;
            const resumes = resumesIn(scope.range);
            this.rows = rows.map((row) => {
                const [elided, elidesCCalls] = [calls.has(row.function), cCalls.has(row.function)];
                return { ...row, resumes: resumes.get(row.function) ?? 0, share: share(row), elided, elidesCCalls };
            });
            this.notes.replaceChildren(
                ...notesOfTable(this.elided).map((words) => element("p", { className: "hint" }, words)),
            );
            this.#render();
        }
    }

    /** Returns the rows, without waiting if that is chosen, and the time that is left out. */
    #wanted(rows) {
        return this.busy.checked ? busy(rows, this.scope.trace.functions.overwritten) : { rows, leftOut: 0 };
    }

    /** Goes to the longest call of a function. */
    async #longest(of) {
        if (this.scope.isServed()) {
            this.go.list(of);
            return;
        }
        const calls = await this.bar.counted((progress) => this.scope.calls(of, progress));
        if (calls) {
            const { track, call } = calls.longest();
            this.go.reveal(track, call);
        }
    }

    /** Returns the rows without "[overwritten]". */
    #known(rows) {
        return rows.filter((row) => row.function !== this.scope.trace.functions.overwritten);
    }

    #render() {
        const { functions } = this.scope.trace;
        const wanted = this.filter.value.toLowerCase();
        const rows =
            wanted === ""
                ? this.rows
                : this.rows.filter((row) => functions.label(row.function).toLowerCase().includes(wanted));
        const known = this.#known(rows);
        const sum = (all, key) => all.reduce((so, row) => so + row[key], 0);
        const [own, unknown] = [sum(known, "own"), sum(rows, "own") - sum(known, "own")];
        const least = this.elided?.isLeast ? "at least " : "";
        const without = this.leftOut > 0 && wanted === "" ? `; without ${timeText(this.leftOut)} of waiting` : "";
        const counts = `${counted(known.length, "function")}, ${least}${counted(sum(known, "calls"), "call")}`;
        const where = `${this.scope.text}, all threads added`;
        this.table.show(rows, `${counts}, ${timeText(own)} in ${where}${without}${unknownText(unknown)}`);
    }
}
