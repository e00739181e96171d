// The selected call: what, where, when, with what, by whom, and what it called.

import { callers } from "../data/model.js";
import { exactText, timeText, wallClock } from "../timeline/ruler.js";
import { callees, flagWords } from "./call.js";
import { button, counted, element, labelOf } from "./element.js";
import { Table } from "./table.js";
import { numeric } from "./range.js";

/** Callers that are listed: deep recursion would be no help. */
const CALLERS = 60;
/** Characters of arguments that are shown. */
const TEXT = 20_000;

export class Details {
    /**
     * @param {import("../data/model.js").Trace} trace
     * @param {{reveal: (track: object, call: number) => void, openSource: () => void,
     *     openSandwich: (of: number) => void}} go
     */
    constructor(trace, go) {
        Object.assign(this, { trace, go });
        this.element = element("div", { className: "details" });
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
                numeric("calls", "calls", "", (row) => row.calls.toLocaleString("en")),
                numeric("total", "total", ""),
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
        const { own, callees: called } = callees(track, call);
        this.table.show(
            called,
            `What it called: ${counted(
                called.reduce((sum, { calls }) => sum + calls, 0),
                "call",
            )}`,
        );
        this.element.replaceChildren(
            element(
                "div",
                { className: "facts" },
                this.#heading(track, call),
                this.#facts(track, call, own),
                ...this.#arguments(track, call),
            ),
            this.#callers(track, call),
            this.table.element,
        );
    }

    #heading(track, call) {
        const { functions } = this.trace;
        const of = track.function[call];
        const [file, line] = [functions.file(of), functions.line(of)];
        const place =
            file === ""
                ? "a C function"
                : button(`${file}:${line}`, this.go.openSource, { className: "link", title: "Show the source" });
        return element(
            "header",
            {},
            element("h2", {}, functions.name(of)),
            element("p", { className: "place" }, place),
            element(
                "p",
                { className: "bar" },
                button("Callers and callees", () => this.go.openSandwich(of)),
                button("Show in the timeline", () => this.go.reveal(track, call)),
            ),
        );
    }

    #facts(track, call, own) {
        const { baseRealtime } = this.trace;
        const [start, duration] = [track.start[call], track.duration[call]];
        const facts = [
            ["start", timeText(start), exactText(start)],
            ["duration", timeText(duration), exactText(duration)],
            ["self", timeText(own), exactText(own)],
            ["clock", wallClock(baseRealtime, start)],
            [track.kind, `${track.name} (${track.tid})`],
            ["process", `${track.process.name} (pid ${track.process.pid})`],
            ...flagWords(track.flags[call], track.process).map((words) => ["note", words]),
        ];
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
        return sections(text).map(([title, value]) => {
            const shown =
                value.length > TEXT
                    ? `${value.slice(0, TEXT)}\n… ${counted(value.length - TEXT, "more character")}`
                    : value;
            return element("details", { open: true }, element("summary", {}, title), element("pre", {}, shown));
        });
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
        const none = element("p", { className: "hint" }, "None that was traced.");
        return element(
            "section",
            { className: "callers" },
            element("h3", {}, "Called by"),
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

/** Arguments, what was returned, and the rest, each pretty. @param {string} text  JSON @returns {[string, string][]} */
export function sections(text) {
    let value;
    try {
        value = JSON.parse(text);
    } catch {
        return [["arguments", text]];
    }
    if (value === null || typeof value !== "object" || Array.isArray(value)) {
        return [["arguments", pretty(value)]];
    }
    const { func_args: args, return_value: returned, ...rest } = value;
    return [
        ["arguments", args],
        ["returned", returned],
        ["more", Object.keys(rest).length > 0 ? rest : undefined],
    ]
        .filter(([, part]) => part !== undefined)
        .map(([title, part]) => [title, pretty(part)]);
}

/** Texts are representations of values already, as the traced program saw them. */
function pretty(value) {
    if (typeof value === "string") {
        return value;
    }
    const isFlat =
        value !== null &&
        typeof value === "object" &&
        !Array.isArray(value) &&
        Object.values(value).every((part) => typeof part !== "object" || part === null);
    return isFlat
        ? Object.entries(value)
              .map(([name, part]) => `${name} = ${part}`)
              .join("\n")
        : JSON.stringify(value, null, 2);
}
