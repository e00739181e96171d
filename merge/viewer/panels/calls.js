// The list of the calls of a function in the scope.

import { elidedIn } from "../data/elided.js";
import { CLIPPED, flagNames, UNFINISHED } from "../data/model.js";
import { inSlices } from "../statistics/slices.js";
import { exactText, lineText, timeText } from "../timeline/ruler.js";
import { inLine } from "./arguments.js";
import { flagWords } from "./call.js";
import { atLeast, notesOfTable } from "./elided.js";
import { button, counted, element, grouped, labelOf } from "./element.js";
import { PARTS, RateStrip } from "./rate.js";
import { ScopeBar } from "./scope.js";
import { Table } from "./table.js";

/** Largest number of shown rows. */
const MOST = 3200;
/** The order at first. */
export const LONGEST_FIRST = "-duration";

/**
 * Returns a call's duration; that of a call whose end is not known is the least that it can be. Nothing is known of one
 * that began with the last sign of life of its process.
 */
export function durationText({ duration, flags }) {
    if (flags & UNFINISHED && duration <= 1) {
        return "unknown";
    }
    return atLeast(flags & (UNFINISHED | CLIPPED), timeText(duration));
}

/** Returns the thread or task of a call, with its process if there are several. */
export function placeText({ processes }, { process, name, kind, tid }) {
    const own = kind === "thread" ? `${name} (${tid})` : `${name} (${kind})`;
    return processes.length > 1 ? `${process.label} (pid ${process.pid}), ${own}` : own;
}

/** Returns what is special about a call, in a few words. */
export function notesText({ flags, isCut }) {
    return [...flagNames(flags), ...(isCut ? ["partly in the range"] : [])].join(", ");
}

const exactly = (text, time) => element("span", { title: exactText(time) }, text);

/** The columns of the list. */
function columns(trace, reveal) {
    const argumentsOf = ({ track, call }) => (track.args.has(call) ? inLine(track.args.get(call)) : "");
    return [
        {
            key: "start",
            name: "start_ns",
            title: "start",
            hint: "When it began",
            value: ({ start }) => start,
            show: ({ track, call, start }) =>
                button(lineText(start, 1), () => reveal(track, call), {
                    className: "link",
                    title: "Show in the timeline",
                }),
        },
        {
            key: "duration",
            name: "duration_ns",
            title: "duration",
            hint: "Its time in the range",
            value: ({ duration }) => duration,
            show: (row) => exactly(durationText(row), row.duration),
        },
        {
            key: "own",
            name: "self_ns",
            title: "self",
            hint: "The same without its callees",
            value: ({ own }) => own,
            show: ({ own }) => exactly(timeText(own), own),
        },
        { key: "track", title: "thread or task", isText: true, value: ({ track }) => placeText(trace, track) },
        { key: "arguments", title: "arguments", isText: true, value: argumentsOf },
        {
            key: "notes",
            title: "notes",
            hint: "Whether an exception ended it, and what of it is missing",
            value: notesText,
            show: (row) =>
                element("span", { title: flagWords(row.flags, row.track.process).join(", ") }, notesText(row)),
        },
    ];
}

export class Calls {
    #stop = new AbortController();

    /**
     * @param {import("./scope.js").Scope} scope
     * @param {{reveal: (track: object, call: number) => void, sandwich: (of: number) => void,
     *     setRange: (...bounds: ?number[]) => void, changed: () => void, copy: (text: string) => void}} go
     */
    constructor(scope, go) {
        Object.assign(this, { scope, go, of: -1 });
        const callers = button("Callers and callees", () => go.sandwich(this.of));
        const copy = button("Copy as CSV", () => go.copy(this.table.csv()), { title: "The rows that are shown" });
        this.bar = new ScopeBar(scope, go, callers, copy);
        this.heading = element("h2");
        this.line = element("p", { className: "bar" });
        this.rate = new RateStrip();
        this.table = new Table({
            caption: "Calls",
            columns: columns(scope.trace, go.reveal),
            sort: LONGEST_FIRST,
            isSorted: true,
            most: MOST,
            changed: () => {
                go.changed();
                this.show();
            },
        });
        this.notes = element("div", { className: "notes" });
        this.parts = [this.rate.element, this.table.element, this.notes];
        this.onlyOfOne = [this.heading, callers, copy];
        const about = element("header", {}, element("div", {}, this.heading, this.line), this.rate.element);
        this.element = element("div", { className: "calls" }, this.bar.element, about, this.table.element, this.notes);
    }

    /** Computes the list if needed, and shows it. */
    async show() {
        const { of, scope } = this;
        const { functions } = scope.trace;
        this.onlyOfOne.forEach((part) => (part.hidden = of < 0));
        if (of < 0) {
            this.#hide(true);
            this.line.textContent =
                "Choose a function: its number of calls in the table of functions, or “List of calls” elsewhere.";
            return;
        }
        const { version } = scope;
        const { sort } = this.table;
        if (of !== this.shown?.of || version !== this.shown.version) {
            this.heading.replaceChildren(labelOf(functions, of));
            this.line.textContent = "Counting …";
            this.#hide(true);
        }
        const found = await this.bar.counted((progress) => this.#find(of, sort, progress));
        // If something has changed meanwhile, another call of this method shows it.
        if (found && of === this.of && version === scope.version && sort === this.table.sort) {
            this.shown = { of, version };
            this.#show(found);
        }
    }

    async #find(of, sort, progress) {
        this.#stop.abort();
        this.#stop = new AbortController();
        const { signal } = this.#stop;
        const slices = (work) => inSlices(work, { progress, signal });
        const calls = await this.scope.calls(of, progress);
        const { from, to } = this.#time;
        return {
            calls,
            summary: calls.count > 0 ? await slices(calls.summary()) : null,
            order: await slices(calls.order(sort)),
            begins: await slices(calls.begins(from, to, PARTS)),
        };
    }

    /** The range, or the whole trace. */
    get #time() {
        const { from, to, trace } = this.scope;
        return { from: Math.max(from, 0), to: Math.min(to, trace.duration) };
    }

    #show({ calls, summary, order, begins }) {
        const { of, scope } = this;
        const { functions } = scope.trace;
        const isKnown = summary !== null && of !== functions.overwritten;
        this.#hide(!isKnown);
        if (!isKnown) {
            this.line.textContent = this.#none();
            return;
        }
        const elided = elidedIn(scope.range);
        const least = elided.calls.has(of) ? "at least " : "";
        this.line.replaceChildren(...this.#numbers(summary, least));
        this.rate.show(begins, this.#time.from, this.#time.to);
        const rows = {
            length: calls.count,
            slice: (from, to) => Array.from(order.subarray(from, to), (at) => calls.at(at)),
        };
        const all = `${least}${counted(calls.count, "call")} in ${scope.text}`;
        this.table.show(rows, (shown) => `${grouped(shown)} of ${all}`);
        this.notes.replaceChildren(...notesOfTable(elided).map((words) => element("p", { className: "hint" }, words)));
    }

    #hide(isHidden) {
        this.parts.forEach((part) => (part.hidden = isHidden));
    }

    /** Returns why there are no calls. */
    #none() {
        const { functions } = this.scope.trace;
        if (this.of === functions.overwritten) {
            return "Newer events have overwritten these calls.";
        }
        if (this.scope.trace.hidden?.functions[this.of]) {
            return "Its calls are hidden.";
        }
        const how = functions.isSpan(this.of) ? " Spans are listed if their track is chosen." : "";
        return `No calls of it in this range.${how}`;
    }

    /** Returns the numbers of all calls; percentiles are links. */
    #numbers({ calls, mean, p50, p99, max, raised, unfinished }, least) {
        const link = (name, call) =>
            button(`${name} ${durationText(call)}`, () => this.go.reveal(call.track, call.call), {
                className: "link",
                title: "Go to a call of this duration",
            });
        const words = [
            least + counted(calls, "call"),
            `mean ${timeText(mean)}`,
            ...(raised > 0 ? [`${grouped(raised)} raised`] : []),
            ...(unfinished > 0 ? [`${grouped(unfinished)} unfinished`] : []),
        ];
        const links = [link("p50", p50), link("p99", p99), link("max", max)];
        return [...words.map((text) => element("span", {}, text)), ...links];
    }
}
