// Shows a trace: creates the parts of the page and connects them to each other and to the URL's hash.

import { ofCalls } from "./data/model.js";
import { clocksLine } from "./panels/clocks.js";
import { createPanels } from "./panels/panels.js";
import { fromHash, toHash } from "./state.js";
import { timeText } from "./timeline/ruler.js";
import { createTimeline } from "./timeline/timeline.js";

/** Milliseconds without a change after which the hash is written. */
const QUIET = 250;

/** Milliseconds that an announced line stays. */
const SPOKEN = 5000;

const byId = (id) => document.getElementById(id);

/**
 * @param {import("./data/model.js").Trace} trace
 * @returns the handle for tests and for the console
 */
export function showTrace(trace) {
    showTitle(trace);
    let panels = null;
    const hash = new Hash(
        () => ({ ...timeline.state(), ...panels.getState(), align: trace.areTogether ? "start" : undefined }),
        (state) => {
            if (trace.starts !== null && trace.areTogether !== (state.align === "start")) {
                location.reload();
                return;
            }
            byId("filter").value = state.filter ?? "";
            byId("coloring").value = state.coloring ?? "function";
            timeline.restore(state);
            return panels.setState(state);
        },
    );
    const timeline = createTimeline(byId("timeline"), trace, {
        onSelect: (track, call) => panels?.select(track, call),
        onRange: (from, to) => panels?.range(from, to),
        onPoint: (point) => panels?.selectPoint(point),
        onNote: () => panels.addNote(),
        onChange: () => {
            // A jump to a row that the filter hides removes the filter.
            if (panels !== null && byId("filter").value !== timeline.rows.arranged.filter) {
                byId("filter").value = timeline.rows.arranged.filter;
            }
            hash.write();
        },
        announce,
    });
    panels = createPanels(trace, timeline, { announce, changed: () => hash.write() });
    wireToolbar(timeline);
    byId("alerts").prepend(...clocksLine(trace, (align) => hash.turn({ align })));
    hash.read();
    if (trace.comparison && location.hash === "") {
        panels.open("difference");
    }
    return {
        trace,
        timeline,
        panels,
        get view() {
            return timeline.view;
        },
        select: (track, call) => timeline.reveal(track, call),
        search: (text) => panels.search(text),
        range: (from, to) => timeline.setRange(from, to),
        state: () => ({ ...timeline.state(), ...panels.getState() }),
    };
}

let silence = 0;

/** A status line, also for screen readers, that disappears after a while. */
function announce(text) {
    byId("status").textContent = text;
    clearTimeout(silence);
    silence = setTimeout(() => byId("status").replaceChildren(), SPOKEN);
}

function wireToolbar(timeline) {
    const [filter, coloring] = [byId("filter"), byId("coloring")];
    filter.addEventListener("input", () => timeline.setFilter(filter.value));
    coloring.addEventListener("change", () => timeline.setColoring(coloring.value));
    const clicks = {
        "zoom-in": () => timeline.zoomBy(2),
        "zoom-out": () => timeline.zoomBy(0.5),
        "zoom-fit": () => timeline.fitSelection(),
        "zoom-all": () => timeline.showAll(),
    };
    Object.entries(clicks).forEach(([id, act]) => byId(id).addEventListener("click", act));
}

function showTitle({ title, processes, tracks, duration }) {
    const count = (some) => some.reduce((sum, track) => sum + track.count, 0);
    const calls = count(ofCalls(tracks));
    const spans = count(tracks) - calls;
    document.title = title;
    byId("title").textContent = title;
    byId("title").title = title;
    byId("progress").textContent = [
        `${calls.toLocaleString("en")} call${calls === 1 ? "" : "s"}`,
        ...(spans > 0 ? [`${spans.toLocaleString("en")} span${spans === 1 ? "" : "s"}`] : []),
        `${processes.length} process${processes.length === 1 ? "" : "es"}`,
        timeText(duration),
    ].join(" · ");
}

/** Stores the state in the URL's hash, without new entries in the history. */
class Hash {
    /** @param {() => object} state @param {(state: object) => void} restore */
    constructor(state, restore) {
        this.state = state;
        this.restore = restore;
        this.timer = 0;
        addEventListener("hashchange", () => this.read());
    }

    read() {
        this.restore(fromHash(location.hash));
    }

    /** Reads the report again, with another state of what is shown, except for times and calls. @param {object} change */
    turn(change) {
        clearTimeout(this.timer);
        keep(`#${toHash({ ...this.state(), view: undefined, range: undefined, ...change })}`);
        location.reload();
    }

    /** Writes the hash when nothing has changed for a while. */
    write() {
        clearTimeout(this.timer);
        this.timer = setTimeout(() => {
            const hash = `#${toHash(this.state())}`;
            if (hash !== (location.hash || "#")) {
                keep(hash);
            }
        }, QUIET);
    }
}

/** Replaces the hash. A page in a frame without its own address cannot do this. @param {string} hash */
function keep(hash) {
    try {
        history.replaceState(null, "", hash);
    } catch {
        // The page also works without the hash.
    }
}
