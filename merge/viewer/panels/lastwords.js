// What processes were doing when they died, and what the report does not show.

import { timeText } from "../timeline/ruler.js";
import { button, counted, element, grouped, labelOf } from "./element.js";
import { Table } from "./table.js";

/** Processes and threads that are listed. */
const MOST = 100;

export class LastWords {
    /** @param {import("../data/model.js").Trace} trace @param {(track: object, call: number) => void} reveal */
    constructor(trace, reveal) {
        this.trace = trace;
        this.reveal = reveal;
        const { lastWords, warnings } = trace;
        const dead = lastWords.slice(0, MOST).map((words) => this.#process(words));
        const more = lastWords.length - dead.length;
        this.element = element(
            "div",
            { className: "last-words" },
            element("h2", {}, "Last words"),
            ...(dead.length > 0 ? dead : [element("p", { className: "hint" }, "Every process ended in order.")]),
            ...(more > 0 ? [element("p", {}, `… and ${counted(more, "more process")}`)] : []),
            element("h2", {}, "Warnings and losses"),
            ...warnings.map((warning) => element("p", { className: "warning" }, warning)),
            this.#losses(),
        );
    }

    #process({ process, threads }) {
        const state = process.state === "living" ? "still ran when the report was written" : "died";
        return element(
            "section",
            {},
            element("h3", {}, `${process.name} (pid ${process.pid}) ${state}`),
            ...threads.slice(0, MOST).map((thread) => this.#thread(thread)),
        );
    }

    #thread({ track, name, frames }) {
        const { functions, duration } = this.trace;
        const items = frames.map(({ function: of, since, call }) => {
            const label = labelOf(functions, of);
            const shown =
                track !== null && call >= 0
                    ? button(label, () => this.reveal(track, call), {
                          className: "link",
                          title: "Show in the timeline",
                      })
                    : label;
            return element(
                "li",
                {},
                shown,
                element("span", { className: "since" }, ` open for ${timeText(duration - since)}`),
            );
        });
        const none = element("p", { className: "hint" }, "No call was open.");
        return element("div", {}, element("h4", {}, name), items.length > 0 ? element("ol", {}, ...items) : none);
    }

    #losses() {
        const rows = this.trace.tracks.filter(
            ({ overwritten, lost, unfinished }) => overwritten + lost + unfinished > 0,
        );
        const number = (key, title, hint) => ({
            key,
            title,
            hint,
            value: (row) => row[key],
            show: (row) => grouped(row[key]),
        });
        const table = new Table({
            caption: "Threads and tasks of which something is missing",
            sort: "-overwritten",
            empty: "Nothing is missing.",
            columns: [
                {
                    key: "process",
                    title: "process",
                    isText: true,
                    value: ({ process }) => `${process.name} (pid ${process.pid})`,
                },
                { key: "track", title: "thread or task", isText: true, value: ({ name, tid }) => `${name} (${tid})` },
                number("overwritten", "overwritten", "Older events that newer ones took the place of"),
                number("lost", "lost", "Events that found no room"),
                number("unfinished", "unfinished", "Calls that never ended"),
            ],
        });
        table.show(rows);
        return table.element;
    }
}
