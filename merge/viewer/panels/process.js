// The details of a process: its command line, who started it, when and how it ended, its threads, what is missing of
// it.

import { callOf } from "../data/names.js";
import { exactText, timeText, wallClock } from "../timeline/ruler.js";
import { parentWords } from "../timeline/unfinished.js";
import { button, counted, element } from "./element.js";

/** Largest number of listed children and threads. */
const MOST = 100;

/**
 * @param {import("../data/model.js").Trace} trace
 * @param {import("../data/model.js").Process} process
 * @param {{reveal: (track: object, call: number) => void, revealPoint: (point: object) => void}} go
 * @returns {HTMLElement[]}
 */
export function processFacts(trace, process, go) {
    const { label, pid, command, children, losses, tracks } = process;
    const ofCalls = tracks.filter(({ kind }) => kind !== "async");
    return [
        element(
            "div",
            { className: "facts" },
            element(
                "header",
                {},
                element("h2", {}, `${label} (pid ${pid})`),
                element("p", { className: "place" }, command.join(" ")),
            ),
            element("dl", {}, ...facts(trace, process, go).flatMap(([name, value, exact]) => [
                element("dt", {}, name),
                element("dd", { title: exact }, value),
            ])),
            ...losses.map((text) => element("p", { className: "warning" }, text)),
        ),
        list("Started", "No process that was recorded.", children, (child) => link(child, go)),
        list("Threads and tasks", "None with calls.", ofCalls, (track) => trackLine(track, go)),
    ];
}

function facts({ baseRealtime }, process, go) {
    const { opened, last, parent, birth, ending, isAbnormal, tellsItsEnd, state } = process;
    const running = state === "living" ? "still running when the report was written" : "";
    return [
        ["started by", parent ? link(parent, go) : "", ""],
        ["in", birth ? birthLink(birth, go) : "", ""],
        ["start", timeText(opened), exactText(opened)],
        ["clock", wallClock(baseRealtime, opened), ""],
        [tellsItsEnd ? "end" : "last sign of life", timeText(last), exactText(last)],
        ["duration", `${tellsItsEnd ? "" : "at least "}${timeText(last - opened)}`, exactText(last - opened)],
        ["ended", running || ending + (isAbnormal ? ": not normally" : ""), ""],
        ["note", parentWords(process), ""],
    ].filter(([, value]) => value !== "");
}

function link(process, go) {
    const text = `${process.label} (pid ${process.pid})`;
    return button(element("bdi", {}, text), () => go.revealPoint({ process }), { className: "link" });
}

function birthLink({ track, call: name }, go) {
    const call = callOf(track, name);
    if (call < 0) {
        return "a hidden call";
    }
    const text = `the call at ${timeText(track.start[call])}`;
    return button(text, () => go.reveal(track, call), { className: "link", title: "Go to the call that started it" });
}

function trackLine(track, go) {
    const text = `${track.name} (${track.kind} ${track.tid})`;
    const first = button(element("bdi", {}, text), () => go.reveal(track, 0), { className: "link" });
    const name = track.count > 0 ? first : element("bdi", {}, text);
    const calls = counted(track.count, track.isServed ? "loaded call" : "call");
    return element("span", {}, name, element("span", { className: "since" }, ` ${calls}`));
}

function list(title, none, all, itemOf) {
    const items = all.slice(0, MOST).map((one) => element("li", {}, itemOf(one)));
    const more = all.length > MOST ? [element("li", {}, `… ${counted(all.length - MOST, "other")}`)] : [];
    return element(
        "section",
        { className: "callers" },
        element("h3", {}, title),
        items.length > 0 ? element("ol", {}, ...items, ...more) : element("p", { className: "hint" }, none),
    );
}
