// The selected call: function, source, time, arguments, callers and callees. Or the selected point: see
// ../timeline/points.js.

import { ENDS, piecesOf } from "../data/lives.js";
import { callers, endOf, firstFrom, MERGED, mergedCount, UNFINISHED } from "../data/model.js";
import { numberText } from "../timeline/counters.js";
import { beside, nameOf, pointsIn, timeOf } from "../timeline/points.js";
import { apartFrom, exactText, momentText, timeText, wallClock } from "../timeline/ruler.js";
import { durationWords, parentWords } from "../timeline/unfinished.js";
import { parsed, pretty, sections } from "./arguments.js";
import { callees, flagWords } from "./call.js";
import { atLeast, elidedAt, notesOfCall } from "./elided.js";
import { button, counted, element, labelOf } from "./element.js";
import { hiddenAround, hiddenAt } from "./hidden.js";
import { MeanwhileTable } from "./meanwhile.js";
import { Table } from "./table.js";
import { processFacts } from "./process.js";
import { numeric } from "./range.js";
import { relations } from "./relations.js";
import { whyNot } from "./served.js";

/** Largest number of listed callers, for deep recursion. */
const CALLERS = 60;
/** Largest number of shown characters of arguments. */
const TEXT = 20_000;

export class Details {
    /**
     * @param {import("../data/model.js").Trace} trace
     * @param {{reveal: (track: object, call: number) => void, revealPoint: (point: object) => void,
     *     openSource: () => void, copy: (text: string, what: string) => void, sandwich: (of: number) => void, list: (of: number) => void}} go
     */
    constructor(trace, go) {
        Object.assign(this, { trace, go });
        this.element = element("div", { className: "details" });
        this.meanwhile = new MeanwhileTable(trace, go.reveal);
        this.table = new Table({
            caption: "What it called",
            sort: "-total",
            empty: "Nothing.",
            columns: [
                {
                    key: "function",
                    title: "function",
                    isText: true,
                    value: (row) => trace.functions.label(row.function),
                    show: (row) => this.#link(this.track, row.first),
                },
                numeric("calls", "calls", "", (row) => atLeast(row.elided, row.calls.toLocaleString("en"))),
                numeric("total", "total", "", (row) => atLeast(row.elided, timeText(row.total))),
            ],
        });
        this.show(null, -1);
    }

    /** @param {import("../data/model.js").Track|null} track @param {number} call */
    show(track, call) {
        this.track = track;
        if (track === null || !(call >= 0 && call < track.count)) {
            this.element.replaceChildren(
                element("p", { className: "hint" }, "Click a call to see it here. Drag over the ruler for a range."),
            );
            return;
        }
        const isSpan = track.kind === "async";
        const { own, unknown, callees: called } = callees(track, call);
        const isMerged = (track.flags[call] & MERGED) !== 0;
        const why = whyNot(this.trace, { from: track.start[call], to: endOf(track, call) });
        const elided = elidedAt(track, call);
        const least = elided.isLeast && !isSpan ? "at least " : "";
        this.table.show(
            called.map((row) => ({ ...row, elided: elided.calls.has(row.function) })),
            `${isSpan ? "Inside" : "What it called"}: ${least}${counted(
                called.reduce((sum, { calls }) => sum + calls, 0),
                isSpan ? "span" : "call",
            )}`,
        );
        this.element.replaceChildren(
            element(
                "div",
                { className: "facts" },
                this.#heading(track, call),
                this.#facts(track, call, why === "" ? own : null, unknown),
                ...(isMerged ? [] : this.#arguments(track, call)),
            ),
            element("div", {}, ...relations(this.trace, this.go, track, call), this.#callers(track, call)),
            why === ""
                ? element("div", {}, this.table.element, ...this.#meanwhile(track, call))
                : element("p", { className: "hint" }, why),
        );
    }

    /** Of a call that waits, what the other tracks did. */
    #meanwhile(track, call) {
        if (!this.trace.functions.waits.has(track.function[call])) {
            return [];
        }
        this.meanwhile.show(track, call);
        return [this.meanwhile.element];
    }

    /** @param {object} point  see ../timeline/points.js */
    showPoint(point) {
        this.track = null;
        const { track, counter, at, gap, process } = point;
        if (process) {
            this.element.replaceChildren(...processFacts(this.trace, process, this.go));
            return;
        }
        const instant = track?.instants[at] ?? { name: nameOf(point), kind: gap ? "" : "counter" };
        const { name, kind, args, scope } = instant;
        const of = { g: " of the whole trace", p: " of its process" }[scope] ?? "";
        const place = gap ? "The ring was full, and newer events replaced them." : kind + of;
        this.element.replaceChildren(
            element(
                "div",
                { className: "facts" },
                element(
                    "header",
                    {},
                    element("h2", {}, name),
                    element("p", { className: "place" }, place),
                    gap ? "" : this.#steps(point, kind === "counter" ? "sample" : `${kind} of this name`),
                ),
                this.#list([
                    ...(counter ? [["value", numberText(counter.values[at]), String(counter.values[at])]] : []),
                    this.#exact(gap ? "start" : "time", timeOf(point), this.#momentOf(point)),
                    ...(gap ? [this.#exact("duration", gap.end - gap.start)] : []),
                    ["clock", wallClock(this.trace.baseRealtime, timeOf(point))],
                    ...this.#where(track, (track ?? counter).process),
                ]),
                ...(args ? [block("arguments", pretty(parsed(args)))] : []),
            ),
        );
    }

    /** Creates buttons for the previous and the next point of the same kind. */
    #steps(point, what) {
        const step = (text, by) => {
            const next = beside(point, by, true);
            return button(text, () => this.#step(point, by), { disabled: next === null, title: `${text} ${what}` });
        };
        const place = `${(point.at + 1).toLocaleString("en")} of ${pointsIn(point).toLocaleString("en")}`;
        const count = element("span", { className: "hint" }, `${place} here`);
        return element("p", { className: "bar steps" }, step("Previous", -1), step("Next", 1), count);
    }

    /** Selects another point. The button is replaced, but keeps the focus. */
    #step(point, by) {
        this.go.revealPoint(beside(point, by, true));
        const buttons = [...this.element.querySelectorAll(".steps button")];
        (by > 0 ? buttons.reverse() : buttons).find(({ disabled }) => !disabled)?.focus();
    }

    #heading(track, call) {
        const { functions } = this.trace;
        const of = track.function[call];
        const [file, line] = [functions.file(of), functions.line(of)];
        const place =
            track.kind === "async"
                ? `an asynchronous span${track.category === "" ? "" : ` of category ${track.category}`}`
                : file === ""
                ? functions.kind(of)
                : button(`${file}:${line}`, this.go.openSource, { className: "link", title: "Show the source" });
        return element(
            "header",
            {},
            element("h2", {}, functions.name(of)),
            element("p", { className: "place" }, place),
            element(
                "p",
                { className: "bar" },
                ...(track.kind === "async"
                    ? []
                    : [
                          button("Callers and callees", () => this.go.sandwich(of)),
                          button("List of calls", () => this.go.list(of)),
                      ]),
                button("Show in the timeline", () => this.go.reveal(track, call)),
            ),
        );
    }

    #facts(track, call, own, unknown) {
        const { baseRealtime } = this.trace;
        const [start, duration] = [track.start[call], track.duration[call]];
        const facts = [
            this.#exact("start", start, momentText(start, apartFrom((at) => track.start[at], call, track.count))),
            this.#exact("end", start + duration, momentText(start + duration, Math.max(duration, 1))),
            this.#exact("duration", duration, durationWords(track, call)),
            own === null ? ["self", ""] : this.#exact("self", own),
            ["stands for", mergedText(track, call)],
            ["[overwritten]", unknown > 0 ? timeText(unknown) : "", `${exactText(unknown)}: its own, or its calls'`],
            ["clock", wallClock(baseRealtime, start)],
            ...lifeFacts(track, call, this.trace.functions),
            ["hidden", hiddenAt(this.trace, track, call)],
            ...this.#where(track, track.process),
            ["id", track.ids?.[call] ?? ""],
            ...notes(track, call).map((words) => ["note", words]),
        ];
        return this.#list(facts);
    }

    /** Returns a fact about a time: in a few digits, and in nanoseconds, which a click copies. */
    #exact(name, time, text = timeText(time)) {
        const copy = button(exactText(time), () => this.go.copy(String(Math.round(time)), `${name}: copied`), {
            className: "link exact",
            title: `Copy the ${name} in nanoseconds`,
        });
        return [name, element("span", {}, text, " ", copy)];
    }

    /** Formats the time of a point so that it differs from those of its neighbours. */
    #momentOf(point) {
        const apart = point.gap
            ? Infinity
            : apartFrom((at) => timeOf({ ...point, at }), point.at, pointsIn(point));
        return momentText(timeOf(point), apart);
    }

    #where(track, process) {
        const row = track?.kind === "async" ? [] : [[track?.kind, `${track?.name} (${track?.tid})`]];
        return [...(track ? row : []), ["process", `${process.label} (pid ${process.pid})`]];
    }

    #list(facts) {
        const shown = facts.filter(([, value]) => value !== "");
        return element(
            "dl",
            {},
            ...shown.flatMap(([name, value, exact]) => [
                element("dt", {}, name),
                element("dd", { title: exact, className: name === "note" ? "note" : "" }, value),
            ]),
        );
    }

    #arguments(track, call) {
        const text = track.args.get(call);
        if (text === undefined) {
            return [];
        }
        return sections(text).map(([title, value]) => block(title, value));
    }

    #callers(track, call) {
        const around = callers(track, call);
        const shown = around.length > CALLERS ? [...around.slice(0, CALLERS - 10), null, ...around.slice(-10)] : around;
        const items = shown.map((at) =>
            element(
                "li",
                {},
                at === null ? `… ${counted(around.length - CALLERS, "more call")} …` : this.#link(track, at),
            ),
        );
        const isSpan = track.kind === "async";
        const none = element("p", { className: "hint" }, isSpan ? "None." : `None that ${hiddenAround(track, call) > 0 ? "is shown" : "was traced"}.`);
        return element(
            "section",
            { className: "callers" },
            element("h3", {}, isSpan ? "Within" : "Called by"),
            items.length > 0 ? element("ol", {}, ...items) : none,
        );
    }

    #link(track, call) {
        const label = labelOf(this.trace.functions, track.function[call]);
        return button(label, () => this.go.reveal(track, call), {
            className: "link",
            title: timeText(track.duration[call]),
        });
    }
}

/** Says how many calls a merged one stands for; "" if it is one call. */
function mergedText(track, call) {
    const calls = mergedCount(track, call);
    return calls === "" ? "" : `${calls} calls, the longest of which is of this function: zoom in to see them`;
}

/** What is known of the coroutine whose piece a call is. */
function lifeFacts(track, call, functions) {
    const life = track.lives ? piecesOf(track).lives[call] : -1;
    if (life < 0) {
        return [];
    }
    const { start, duration, running, resumes, end, isBeginUnknown } = track.lives;
    const piece = resumeNumber(track, call, life);
    const [all, awaiting] = [duration[life], Math.max(0, duration[life] - running[life])];
    const at = `${piece === 0 ? "begins here" : `resume ${piece}`} of ${counted(resumes[life], "resume")}`;
    const ended = ENDS[end[life]] === "unknown" ? "its end is unknown" : ENDS[end[life]];
    const begun = isBeginUnknown[life] ? ", its begin is unknown" : "";
    return [
        ["coroutine", `${at}; ${ended}${begun}`],
        ["latency", `${timeText(all)} since ${timeText(start[life])}`, exactText(all)],
        ["awaited by", awaitedBy(track, life, functions)],
        ["awaiting", timeText(awaiting), exactText(awaiting)],
        ["running", timeText(running[life]), exactText(running[life])],
    ];
}

/** Returns the coroutine that awaits another one, "" if none of the task does. */
function awaitedBy({ lives }, life, functions) {
    const around = lives.awaitedBy[life] > 0 ? lives.id.indexOf(lives.awaitedBy[life]) : -1;
    return around < 0 ? "" : labelOf(functions, lives.function[around]);
}

/** Returns how many pieces of a life come before a call. */
function resumeNumber(track, call, life) {
    const { lives } = piecesOf(track);
    let before = 0;
    for (let at = firstFrom(track, track.lives.start[life]); at < call; at += 1) {
        before += lives[at] === life ? 1 : 0;
    }
    return before;
}

function notes(track, call) {
    const words = flagWords(track.flags[call], track.process);
    const isSpan = track.kind === "async";
    if (isSpan) {
        return words.map(() => "its end is not in the trace");
    }
    const ofParent = track.flags[call] & UNFINISHED ? parentWords(track.process) : "";
    return [...words, ...(ofParent === "" ? [] : [ofParent]), ...notesOfCall(track, call)];
}

function block(title, value) {
    const shown =
        value.length > TEXT ? `${value.slice(0, TEXT)}\n… ${counted(value.length - TEXT, "more character")}` : value;
    return element("details", { open: true }, element("summary", {}, title), element("pre", {}, shown));
}
