// Shows a trace: creates the parts of the page and connects them to each other and to the URL's hash.

import { ofCalls } from "./data/model.js";
import { Steps } from "./history.js";
import { clocksLine } from "./panels/clocks.js";
import { createPanels } from "./panels/panels.js";
import { servedCounts } from "./panels/served.js";
import { timeText, wallClock } from "./timeline/ruler.js";
import { createTimeline } from "./timeline/timeline.js";

/** Milliseconds that an announced line stays. */
const SPOKEN = 5000;

const byId = (id) => document.getElementById(id);

/**
 * @param {import("./data/model.js").Trace} trace
 * @param {import("./export/page.js").Original|null} original  the page as it was written, if it can be saved
 * @returns the handle for tests and for the console
 */
export function showTrace(trace, original = null) {
    showTitle(trace);
    let panels = null;
    const steps = new Steps(
        () => ({ ...timeline.state(), ...panels.getState(), align: trace.areTogether ? "start" : undefined }),
        (state) => {
            if (trace.starts !== null && trace.areTogether !== (state.align === "start")) {
                location.reload();
                return;
            }
            byId("filter").value = state.filter ?? "";
            byId("coloring").value = state.coloring ?? "function";
            panels.hide(state);
            timeline.restore(state);
            return panels.setState(state);
        },
        announce,
    );
    const timeline = createTimeline(byId("timeline"), trace, {
        onSelect: (track, call) => panels?.select(track, call),
        onRange: (from, to) => panels?.range(from, to),
        onPoint: (point) => panels?.selectPoint(point),
        onLoaded: () => panels?.loaded(),
        onNote: () => panels.addNote(),
        onChange: () => {
            // A jump to a row that the filter hides removes the filter.
            if (panels !== null && byId("filter").value !== timeline.rows.arranged.filter) {
                byId("filter").value = timeline.rows.arranged.filter;
            }
            if (panels !== null && trace.served) {
                showCounts(trace, timeline.motion.end);
            }
            steps.write();
        },
        announce,
    });
    panels = createPanels(trace, timeline, {
        original: trace.served ? null : original, // a file of it would have no server
        announce,
        changed: () => steps.write(),
        recounted: () => showCounts(trace, timeline.motion.end),
    });
    wireToolbar(timeline);
    byId("alerts").prepend(...clocksLine(trace, (align) => steps.turn({ align })));
    steps.read();
    if (trace.comparison && location.hash === "") {
        panels.open("difference");
        steps.settle();
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

function showTitle(trace) {
    const { title } = trace;
    document.title = title;
    byId("title").textContent = title;
    byId("title").title = title;
    const recorded = wallClock(trace.baseRealtime, 0);
    byId("recorded").textContent = recorded && `recorded on ${recorded}`;
    showCounts(trace);
}

/** Shows how much the trace has, and how many of its calls are shown. */
function showCounts(trace, view) {
    const { processes, tracks, duration } = trace;
    const count = (some) => some.reduce((sum, { count: own }) => sum + own, 0);
    const shown = count(ofCalls(tracks));
    const spans = count(tracks) - shown;
    const calls = count(ofCalls(tracks).map((track) => track.recorded ?? track));
    const part = shown < calls ? `${shown.toLocaleString("en")} of ` : "";
    const line = byId("progress");
    line.classList.toggle("served", Boolean(trace.loaded));
    line.textContent = [
        trace.loaded && view
            ? servedCounts(trace, view)
            : `${part}${calls.toLocaleString("en")} call${calls === 1 ? "" : "s"}`,
        ...(spans > 0 ? [`${spans.toLocaleString("en")} span${spans === 1 ? "" : "s"}`] : []),
        `${processes.length} process${processes.length === 1 ? "" : "es"}`,
        timeText(duration),
    ].join(" · ");
    line.title = trace.loaded ? line.textContent : "";
}
