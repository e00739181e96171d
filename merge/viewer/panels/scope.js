// The scope of functions, flame graph, sandwich and calls: a range of time or the whole trace, on all tracks, on those
// of some processes, threads, tasks and spans, or on one. Results are computed once and cached until the scope changes.

import { recordedTrace } from "../data/hiding.js";
import { ofCalls } from "../data/model.js";
import { momentText, timeText } from "../timeline/ruler.js";
import { callsOf } from "../statistics/calls.js";
import { coroutines } from "../statistics/coroutines.js";
import { differenceTree, treeOfBoth } from "../statistics/difference.js";
import { hiddenIn } from "../statistics/hidden.js";
import { withTasks } from "../statistics/range.js";
import { inSlices, Stopped } from "../statistics/slices.js";
import { callTree } from "../statistics/stacks.js";
import { servedRows } from "../statistics/served.js";
import { statistics } from "../statistics/statistics.js";
import { NoAnswer } from "../server.js";
import { Bounds } from "./bounds.js";
import { button, element } from "./element.js";
import { hiddenText } from "./hidden.js";
import { Several } from "./several.js";

export class Scope {
    #stop = new AbortController();
    #kept = new Map();
    #followers = [];

    /** @param {import("../data/model.js").Trace} trace */
    constructor(trace) {
        this.trace = trace;
        this.from = -Infinity;
        this.to = Infinity;
        /**
         * "" for all, "p3" for a process, "t5" for a task, for spans, or for a thread with the tasks that ran on it;
         * "p3.t5" for several of them.
         */
        this.where = "";
        /** The range A with which this one, B, is compared, or null. @type {{from: number, to: number}|null} */
        this.held = null;
        /** The number of changes. */
        this.version = 0;
        /** Shows all calls again. */
        this.showAll = () => {};
    }

    /** Calls `act` after every change. @param {() => void} act */
    follow(act) {
        this.#followers.push(act);
    }

    /** Sets the range of time; nulls for all. */
    setRange(from, to) {
        this.#change({ from: from ?? -Infinity, to: to ?? Infinity });
    }

    /** Sets the tracks. Unknown names are left out; none means all. @param {string} where */
    setWhere(where) {
        const isKnown = (of, known) => known.some(([value]) => value === of);
        const known = choices(this.trace);
        const several = where.split(".").filter((of) => of !== "" && isKnown(of, known));
        this.#change({ where: several.join(".") });
    }

    /** Holds a range for comparison; null for none. @param {{from: number, to: number}|null} range */
    hold(range) {
        if (range?.from !== this.held?.from || range?.to !== this.held?.to) {
            this.#change({ held: range && { from: range.from, to: range.to } });
        }
    }

    /** Whether it can show a difference: of two ranges, or of the runs that the page compares. */
    get hasDifference() {
        return this.held !== null || Boolean(this.trace.comparison);
    }

    /** Forgets the results, after the calls have changed. */
    renew() {
        this.#change({}, true);
    }

    get isWhole() {
        return this.from === -Infinity && this.to === Infinity;
    }

    /** Whether it is the whole trace. */
    get isAll() {
        return this.isWhole && this.where === "";
    }

    /**
     * Returns what lies in it, with spans, in this trace.
     * @param {import("../data/model.js").Trace} trace @returns {import("../statistics/range.js").Range}
     */
    partOf(trace) {
        const { from, to, where } = this;
        const tasks = this.#own(trace).filter(({ kind }) => kind === "task");
        const tracksOf = (of) => {
            const index = Number(of.slice(1));
            return of[0] === "p" ? trace.processes[index].tracks : withTasks(trace.tracks[index]);
        };
        const chosen = new Set(where === "" ? trace.tracks : where.split(".").flatMap(tracksOf));
        return { from, to, tracks: [...chosen], ...(tasks.length > 0 && { alone: new Set(tasks) }) };
    }

    /** Returns the tracks that are chosen by themselves. */
    #own(trace) {
        const names = this.where.split(".").filter((of) => of[0] === "t");
        return names.map((of) => trace.tracks[Number(of.slice(1))]);
    }

    /** What counts. @returns {import("../statistics/range.js").Range} */
    get range() {
        return this.#rangeOf(this.trace);
    }

    /** Spans are not calls: they count only if they are chosen by themselves. */
    #rangeOf(trace) {
        const part = this.partOf(trace);
        const spans = this.#own(trace).filter(({ kind }) => kind === "async");
        return { ...part, tracks: [...ofCalls(part.tracks), ...spans] };
    }

    /** Returns the range in words. */
    get text() {
        return this.isWhole ? "the whole trace" : rangeText(this);
    }

    /** Whether the server counts the functions of a range, since not all of its calls are loaded. */
    isServed(range = this) {
        const { loaded } = this.trace;
        return Boolean(loaded) && !loaded.isWhole(range);
    }

    /** Forgets what depends on the loaded calls, after there are others. */
    reload() {
        for (const name of this.#kept.keys()) {
            if (!this.#kept.get(name).isServed) {
                this.#kept.delete(name);
            }
        }
    }

    #rows(name, range, progress, isBusy) {
        if (!this.isServed(range)) {
            return this.#once(name, () => statistics(this.trace, { ...this.range, ...range }), progress);
        }
        const { trace, where } = this;
        if (trace.hidden) {
            return Promise.reject(new NoAnswer("The server counts no hidden functions: show all calls, or zoom in."));
        }
        const own = isBusy ? `${name} busy` : name;
        const kept = this.#kept.get(own) ?? { listeners: [], isServed: true };
        kept.result ??= servedRows(trace, { ...range, where }, isBusy, this.#stop.signal);
        this.#kept.set(own, kept);
        progress(undefined);
        return kept.result;
    }

    /**
     * Returns the functions of the range that is held. @param {(done: number) => void} progress
     * @param {boolean} isBusy  whether it matters which calls wait
     */
    heldRows(progress, isBusy) {
        return this.#rows("held", this.held, progress, isBusy);
    }

    /** Returns the functions, in the same way. */
    rows(progress, isBusy) {
        const { from, to } = this;
        return this.#rows("rows", { from, to }, progress, isBusy);
    }

    /** Returns the coroutines. @param {(done: number) => void} progress */
    coroutines(progress) {
        return this.#once("coroutines", () => coroutines(this.trace, this.range), progress);
    }

    /** Returns the stacks. @param {(done: number) => void} progress */
    tree(progress) {
        return this.#once("tree", () => callTree(this.range), progress);
    }

    /** Returns the stacks of both sides of a comparison. @param {(done: number) => void} progress */
    difference(progress) {
        const { held, range, trace } = this;
        const work = () => (held ? treeOfBoth([{ ...range, ...held }, range]) : differenceTree(this, trace));
        return this.#once("difference", work, progress);
    }

    /** Returns the calls of a function; only the last one's are cached. @param {(done: number) => void} progress */
    calls(of, progress) {
        if (this.#kept.get("calls")?.of !== of) {
            this.#kept.set("calls", { listeners: [], of });
        }
        return this.#once("calls", () => callsOf(this.range, of), progress);
    }

    /** Returns what is hidden in the range, or null. */
    hidden() {
        const { trace } = this;
        const work = () => hiddenIn(this.#rangeOf(recordedTrace(trace)), trace.hidden.functions);
        return trace.hidden ? this.#once("hidden", work, () => {}) : Promise.resolve(null);
    }

    #once(name, work, progress) {
        const kept = this.#kept.get(name) ?? { listeners: [] };
        kept.listeners.push(progress);
        if (!kept.result) {
            this.#kept.set(name, kept);
            const report = (done) => kept.listeners.forEach((listener) => listener(done));
            kept.result = inSlices(work(), { progress: report, signal: this.#stop.signal });
        }
        return kept.result;
    }

    #change(to, always = false) {
        if (!always && Object.entries(to).every(([name, value]) => this[name] === value)) {
            return;
        }
        this.#stop.abort();
        this.#stop = new AbortController();
        this.#kept.clear();
        Object.assign(this, to, { version: this.version + 1 });
        this.#followers.forEach((act) => act());
    }
}

/** Returns a range of time in words. @param {{from: number, to: number}} range */
function rangeText({ from, to }) {
    const edge = (time) => momentText(time, (to - from) / 10);
    return `${edge(from)} to ${edge(to)} (${timeText(to - from)})`;
}

/** Returns the selectable processes and tracks, as value and label. @returns {[string, string][]} */
export function choices({ processes, tracks }) {
    const found = [["", "all processes and threads"]];
    const labelOf = ({ name, kind, tid, category }) => {
        // The number of a task and that of spans is none that the program knows.
        const what = { task: "task", async: `spans${category ? ` of ${category}` : ""}` }[kind] ?? `thread ${tid}`;
        return `${name} (${what})`;
    };
    for (const process of processes) {
        if (processes.length > 1) {
            found.push([`p${process.index}`, `${process.label} (pid ${process.pid})`]);
        }
        if (tracks.length > 1) {
            const labels = process.tracks.map(labelOf);
            const [alike, before] = [countsOf(labels), new Map()];
            process.tracks.forEach((track, at) => {
                const label = labels[at];
                before.set(label, (before.get(label) ?? 0) + 1);
                const number = alike.get(label) > 1 ? ` ${before.get(label)}` : "";
                found.push([`t${track.index}`, `\u2003${label}${number}`]);
            });
        }
    }
    return found;
}

/** Returns how often each text occurs. @param {string[]} texts @returns {Map<string, number>} */
function countsOf(texts) {
    const counts = new Map();
    texts.forEach((text) => counts.set(text, (counts.get(text) ?? 0) + 1));
    return counts;
}

/**
 * @typedef {object} RangeActions
 * @property {(from: number|null, to: number|null) => void} setRange
 * @property {() => bigint|null} clock  nanoseconds since 1970 at the report's zero, if the wall clock is shown
 */

/** A bar that shows the scope and selects it. Other elements can be added to it. */
export class ScopeBar {
    /**
     * @param {Scope} scope
     * @param {RangeActions} go
     */
    constructor(scope, go, ...more) {
        this.scope = scope;
        const known = choices(scope.trace);
        const options = known.map(([value, text]) => element("option", { value }, text));
        this.where = element("select", { onchange: () => scope.setWhere(this.where.value) }, ...options);
        this.several = new Several(scope, known.filter(([value]) => value !== ""));
        this.chosen = element("option", { value: "several", hidden: true });
        this.where.append(this.chosen);
        this.range = element("span", { className: "scope-range" });
        this.clear = button("Whole trace", () => go.setRange(null, null));
        this.bounds = new Bounds(scope, go);
        this.hidden = element("span", { className: "hidden-calls", hidden: true });
        this.progress = element("progress", { max: 1, hidden: true, "aria-label": "Counting" });
        const label = element("label", {}, "Show ", this.where);
        const hint = "Compares it with the range that you choose then, B: in Functions and in Difference";
        this.hold = button("Hold as A", () => scope.hold(scope.held ? null : scope), { title: hint });
        const range = [this.several.element, this.range, this.bounds.element, this.clear, this.hold];
        this.element = element("div", { className: "bar" }, label, ...range, this.hidden, ...more, this.progress);
        scope.follow(() => this.#show());
        this.#show();
    }

    /**
     * Awaits a computation and shows its progress. Returns undefined if the scope changed meanwhile.
     * @template T @param {(progress: (done: number) => void) => Promise<T>} count @returns {Promise<T|undefined>}
     */
    async counted(count) {
        this.progress.hidden = true;
        try {
            const counting = count((done) => {
                this.progress.hidden = false;
                if (done === undefined) {
                    this.progress.removeAttribute("value");
                } else {
                    this.progress.value = done;
                }
            });
            const [result, hidden] = await Promise.all([counting, this.scope.hidden()]);
            this.#showHidden(hidden);
            return result;
        } catch (error) {
            if (error instanceof NoAnswer) {
                this.hidden.hidden = false;
                this.hidden.replaceChildren(error.message);
            } else if (!(error instanceof Stopped) && error.name !== "AbortError") {
                throw error;
            }
            return undefined;
        } finally {
            this.progress.hidden = true;
        }
    }

    /** Says what is hidden. @param {{calls: number, outside: number}|null} found */
    #showHidden(found) {
        this.hidden.hidden = found === null;
        if (found !== null) {
            const all = button("Show all", () => this.scope.showAll(), { title: "Show all calls again" });
            this.hidden.replaceChildren(hiddenText(this.scope.trace.hidden, found), " ", all);
        }
    }

    #show() {
        const several = this.scope.where.split(".");
        this.chosen.textContent = `${several.length} chosen`;
        this.where.value = several.length > 1 ? "several" : this.scope.where;
        this.several.show();
        const { held, isWhole, text } = this.scope;
        const whole = isWhole ? "whole trace" : text;
        this.range.textContent = held ? `· B: ${text}, compared with A: ${rangeText(held)}` : `· ${whole}`;
        this.hold.textContent = held ? "Release A" : "Hold as A";
        this.hold.hidden = isWhole && held === null;
        this.clear.hidden = this.scope.isWhole;
        this.bounds.show();
    }
}
