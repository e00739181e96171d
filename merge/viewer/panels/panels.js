// The parts around the timeline: search, the panel with its tabs, export, help.
//
//     const panels = createPanels(trace, timeline, { original, announce(text), changed(), recounted() });
//     panels.select(track, call)       for the timeline's onSelect
//     panels.selectPoint(point)        for its onPoint
//     panels.range(from, to)           for its onRange; nulls: no range
//     panels.search(text)              a promise, resolved when all hits are marked
//     panels.open("functions")         selection, functions, flame, sandwich, words, source,
//                                  calls, difference, notes; coroutines, if there are any
//     panels.hide(state)               hides the calls that a state names
//     panels.settled()                 a promise, resolved when the visible panel is computed
//     panels.getState(), panels.setState(state)   the panels' part of the URL's hash: an object of texts

import { pageWith } from "../export/page.js";
import { nextCall } from "./call.js";
import { actions } from "./actions.js";
import { Calls, LONGEST_FIRST } from "./calls.js";
import { CoroutineTable, MOST_TIME_FIRST } from "./coroutines.js";
import { Details } from "./details.js";
import { Difference } from "./difference.js";
import { abnormal, endsLine } from "./ends.js";
import { button } from "./element.js";
import { FlameGraph, FlamePane } from "./flame.js";
import { Hiding } from "./hiding.js";
import { helpDialog } from "./help.js";
import { LastWords } from "./lastwords.js";
import { Notes } from "./notes.js";
import { FunctionTable } from "./range.js";
import { Sandwich } from "./sandwich.js";
import { Scope, ScopeBar } from "./scope.js";
import { Search } from "./search.js";
import { servedLine, whyNot } from "./served.js";
import { Source } from "./source.js";
import { Splitter } from "./splitter.js";
import { Tabs } from "./tabs.js";

/** Tabs that show the scope, and so depend on the range. */
const OF_SCOPE = ["functions", "flame", "sandwich", "calls", "coroutines", "difference"];

/**
 * @param {import("../data/model.js").Trace} trace
 * @param {object} timeline  see timeline/timeline.js
 * @param {{original: import("../export/page.js").Original|null, announce: (text: string) => void,
 *     changed: () => void, recounted: () => void}} page
 */
export function createPanels(trace, timeline, page) {
    return new Panels(trace, timeline, page);
}

class Panels {
    #counting = Promise.resolve();

    constructor(trace, timeline, page) {
        Object.assign(this, { trace, timeline, page, of: -1 });
        const by = (id) => document.getElementById(id);
        this.panel = by("panel");
        this.scope = new Scope(trace);
        this.search_ = new Search(by("search"), trace, timeline, {
            ...page,
            list: (of) => this.#openAt("calls", of),
            found: (functions) => this.graphs.forEach((graph) => graph.mark(functions)),
        });
        this.hiding = new Hiding(by("hiding"), trace, (act) => this.#replaceCalls(act));
        this.scope.showAll = () => this.hiding.clear();
        this.#makeParts();
        this.tabs = new Tabs(by("tabs"), by("panes"), this.#tabs(), page.changed);
        this.closing = button("×", () => this.close(), {
            className: "close",
            "aria-label": "Close the panel",
            title: "Close the panel",
        });
        by("tabs").after(this.closing);
        this.#fold(true);
        this.panel.hidden = false;
        by("alerts").append(...servedLine(trace), ...endsLine(trace, () => this.open("words")));
        this.splitter = new Splitter(by("splitter"), this.panel, page.changed);
        this.help = helpDialog(document.body, this.tabs.tabs.length);
        actions(by("actions"), trace, {
            picture: () => timeline.picture(),
            csv: () => this.#csv(),
            html: page.original && (() => pageWith(page.original, this.notes.list)),
            scope: this.scope,
            help: () => this.help.showModal(),
            announce: page.announce,
        });
        this.panel.addEventListener("keydown", (event) => event.key === "Escape" && timeline.focus());
        document.addEventListener("keydown", (event) => this.#key(event));
        this.scope.follow(() => {
            timeline.hold(this.scope.held);
            page.changed();
            this.#show(this.tabs.current);
        });
    }

    #makeParts() {
        const { trace, timeline, scope, page } = this;
        const go = {
            reveal: (track, call) => timeline.reveal(track, call),
            revealPoint: (point) => timeline.revealPoint(point),
            openSource: () => this.open("source"),
            pick: (of) => this.#pick(of),
            sandwich: (of) => this.#openAt("sandwich", of),
            list: (of) => this.#openAt("calls", of),
            setRange: (from, to) => timeline.setRange(from, to),
            clock: () => timeline.clock,
            changed: page.changed,
            copy: (text, what) => this.#copy(text, what),
        };
        const colors = { colorOf: (of) => timeline.colorOf(of, null), inkOf: () => timeline.inkOf() };
        const graph = new FlameGraph(trace, go, {
            label: "Flame graph: arrow keys, Enter",
            rootName: "all",
            ...colors,
        });
        this.details = new Details(trace, go);
        this.functions = new FunctionTable(scope, go);
        this.flame = new FlamePane(new ScopeBar(scope, go), graph);
        this.sandwich = new Sandwich(scope, go, colors);
        this.difference = new Difference(scope, go, colors);
        this.graphs = [graph, this.sandwich.callers, this.sandwich.callees, this.difference.graph];
        this.calls = new Calls(scope, go);
        this.coroutines = trace.tracks.some(({ lives }) => lives) ? new CoroutineTable(scope, go) : null;
        this.words = new LastWords(trace, go.reveal);
        this.source = new Source(trace);
        this.notes = new Notes(trace, timeline, page);
    }

    #tabs() {
        const dead = abnormal(this.trace).length;
        const tab = (key, title, { element: content }) => ({ key, title, content, opened: () => this.#opened(key) });
        return [
            tab("selection", "Selection", this.details),
            tab("functions", "Functions", this.functions),
            tab("flame", "Flame graph", this.flame),
            tab("sandwich", "Callers and callees", this.sandwich),
            tab("words", dead > 0 ? `Last words (${dead})` : "Last words", this.words),
            tab("source", "Source", this.source),
            tab("calls", "Calls", this.calls),
            ...(this.coroutines ? [tab("coroutines", "Coroutines", this.coroutines)] : []),
            tab("difference", "Difference", this.difference),
            tab("notes", "Notes", this.notes),
        ];
    }

    /** Shows the call that the timeline selected, or nothing. */
    select(track, call) {
        this.of = track === null ? -1 : (track.function[call] ?? -1);
        this.details.show(track, call);
        this.source.show(this.of);
        if (track !== null && this.isClosed) {
            this.open("selection");
        }
    }

    /** Shows the point that the timeline selected, or nothing. */
    selectPoint(point) {
        if (point) {
            this.details.showPoint(point);
            if (this.isClosed || this.tabs.current === "source") {
                this.open("selection");
            }
        }
    }

    /** Shows the timeline's range, or the whole trace. */
    range(from, to) {
        this.scope.setRange(from, to);
        if (from !== null && (this.isClosed || !OF_SCOPE.includes(this.tabs.current))) {
            this.open("functions");
        }
    }

    /** Hides calls by `act`, and shows the others. */
    #replaceCalls(act) {
        const wasClosed = this.panel.hidden;
        this.timeline.replaceCalls(act);
        this.words.forget();
        this.notes.renew();
        this.search_.again();
        this.scope.renew();
        if (this.tabs.current === "words") {
            this.#show("words");
        }
        if (wasClosed) {
            this.#hide();
        }
        this.page.recounted();
    }

    /** Shows the calls of a served trace that are there now. */
    loaded() {
        const { selection } = this.timeline;
        if (selection) {
            this.of = selection.track.function[selection.call] ?? -1;
            this.details.show(selection.track, selection.call);
        }
        this.words.forget();
        this.notes.renew();
        this.search_.again();
        this.scope.reload();
        this.#show(this.tabs.current);
        this.page.recounted();
    }

    /** Hides what a state says. It must come before everything that names calls. */
    hide(state) {
        this.hiding.setState(state);
    }

    /** @param {string} text */
    search(text) {
        return this.search_.search(text);
    }

    /** Adds a note on what is selected. */
    addNote() {
        this.open("notes");
        this.notes.add();
    }

    /** Opens the panel at a tab. @param {string} key */
    open(key) {
        this.#fold(false);
        this.tabs.open(key);
    }

    /** A click on a tab opens the panel, too. */
    #opened(key) {
        this.#fold(false);
        this.#show(key);
    }

    /** Whether only the bar of tabs is visible. */
    get isClosed() {
        return this.panel.classList.contains("closed");
    }

    #fold(isClosed) {
        this.panel.classList.toggle("closed", isClosed);
        const parts = [document.getElementById("panes"), document.getElementById("splitter"), this.closing];
        parts.forEach((part) => (part.hidden = isClosed));
    }

    /** Handles a tab's key: it opens the tab. The second time, or inside the panel, it also moves the focus there. */
    #openOrEnter({ key, tab }) {
        const isThere = this.tabs.current === key && !this.isClosed;
        const isWithin = this.panel.contains(document.activeElement);
        this.open(key);
        if (isThere || isWithin) {
            tab.focus();
        }
    }

    close() {
        this.#hide();
        this.timeline.focus();
    }

    #hide() {
        this.#fold(true);
        this.tabs.close();
        this.page.changed();
    }

    /** Resolves when the visible panel is computed. */
    settled() {
        return this.#counting;
    }

    /** @returns {Record<string, string>} */
    getState() {
        const { tabs, functions, scope, sandwich, calls, search_: search } = this;
        const state = {
            tab: this.isClosed ? "" : tabs.current,
            sort: functions.table.sort === "-own" ? "" : functions.table.sort,
            busy: functions.busy.checked ? "busy" : "",
            where: scope.where,
            held: scope.held ? [scope.held.from, scope.held.to] : "",
            sandwich: sandwich.of < 0 ? "" : String(sandwich.of),
            calls: calls.of < 0 ? "" : String(calls.of),
            callsSort: calls.table.sort === LONGEST_FIRST ? "" : calls.table.sort,
            coroutinesSort: this.coroutines?.table.sort === MOST_TIME_FIRST ? "" : (this.coroutines?.table.sort ?? ""),
            search: search.getState(),
            ...this.hiding.getState(),
            notes: this.notes.state,
        };
        return Object.fromEntries(Object.entries(state).filter(([, value]) => value !== ""));
    }

    /** Restores a state. Missing parts get their initial value. @param {Record<string, string>} state */
    async setState(state = {}) {
        const { tab = "", sort = "-own", where = "", sandwich = "", search = "" } = state;
        const { calls = "", callsSort = LONGEST_FIRST, coroutinesSort = MOST_TIME_FIRST } = state;
        this.functions.busy.checked = state.busy === "busy";
        const [from, to] = state.held ?? [];
        this.scope.hold(from < to ? { from, to } : null);
        this.functions.table.restore("-own", sort);
        this.calls.table.restore(LONGEST_FIRST, callsSort);
        this.coroutines?.table.restore(MOST_TIME_FIRST, coroutinesSort);
        this.notes.state = state.notes;
        this.scope.setWhere(where);
        this.sandwich.of = this.#known(sandwich);
        this.calls.of = this.#known(calls);
        if (this.tabs.has(tab)) {
            this.open(tab);
        } else {
            this.#hide();
        }
        if (search !== this.search_.getState()) {
            await this.search_.setState(search);
        }
    }

    /** Returns the number of a function, or -1. @param {string} text */
    #known(text) {
        return /^\d+$/.test(text) && Number(text) < this.trace.functions.count ? Number(text) : -1;
    }

    #show(key) {
        if (this.isClosed) {
            return;
        }
        if (key === "source") {
            this.source.scroll();
        } else if (key === "words") {
            this.words.show();
        } else if (OF_SCOPE.includes(key)) {
            const { held, trace } = this.scope;
            const why = whyNot(trace, this.scope) || (key === "difference" && held ? whyNot(trace, held) : "");
            // The server counts functions.
            this.tabs.replace(key, key === "functions" ? "" : why);
            if (why === "" || key === "functions") {
                this.#counting = this[key].show();
            }
        }
    }

    #pick(of) {
        const found = nextCall(this.scope.range, of, this.timeline.selection);
        if (found) {
            this.timeline.reveal(found.track, found.call);
        }
    }

    /** Opens the tab of a function. @param {"sandwich"|"calls"} key @param {number} of */
    #openAt(key, of) {
        this[key].of = of;
        this.open(key);
    }

    async #csv() {
        await this.functions.show();
        return this.functions.table.csv();
    }

    async #copy(text, what = "The table was copied to the clipboard as CSV.") {
        try {
            await navigator.clipboard.writeText(text);
        } catch {
            copyByHand(text);
        }
        this.page.announce(what);
    }

    #key(event) {
        const isTyping =
            /^(input|select|textarea)$/i.test(event.target.tagName ?? "") && event.target.type !== "checkbox";
        if (isTyping || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) {
            return;
        }
        const tab = this.tabs.tabs["123456789".indexOf(event.key)];
        const act =
            { "?": () => this.help.showModal(), "/": () => this.search_.focus() }[event.key] ??
            (tab && (() => this.#openOrEnter(tab)));
        if (act) {
            event.preventDefault();
            act();
        }
    }
}

/** A page that was opened as a file may lack the newer clipboard interface. */
function copyByHand(text) {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
}
