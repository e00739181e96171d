// The open calls of processes that did not end normally, and the data that the report lacks.

import { endOf } from "../data/model.js";
import { timeText } from "../timeline/ruler.js";
import { openWords, parentWords } from "../timeline/unfinished.js";
import { flagWords, lastEnded } from "./call.js";
import { button, counted, element, grouped, labelOf } from "./element.js";
import { callWord } from "./served.js";
import { Table } from "./table.js";

/** Listed ended calls per thread, as in `--last_words`. */
const LAST = 20;
/** Largest number of listed processes and threads. */
const MOST = 100;

export class LastWords {
    /** @param {import("../data/model.js").Trace} trace @param {(track: object, call: number) => void} reveal */
    constructor(trace, reveal) {
        this.trace = trace;
        this.reveal = reveal;
        this.element = element("div", { className: "last-words" });
    }

    /** Forgets the content, after the calls have changed. */
    forget() {
        this.element.replaceChildren();
    }

    /** Computes the content when it is first shown. */
    show() {
        if (this.element.hasChildNodes()) {
            return;
        }
        const { hidden, lastWords, warnings } = this.trace;
        const dead = lastWords.slice(0, MOST).map((words) => this.#process(words));
        const more = lastWords.length - dead.length;
        this.element.append(
            element("h2", {}, "Last words"),
            ...(hidden ? [element("p", { className: "hint" }, `hidden: ${hidden.words}`)] : []),
            ...dead,
            ...this.#others().map(hint),
            ...(more > 0 ? [element("p", {}, `… and ${counted(more, "more process")}`)] : []),
            element("h2", {}, "Warnings and losses"),
            ...warnings.map((warning) => element("p", { className: "warning" }, warning)),
            ...this.#losses(),
            this.#tracks(),
        );
    }

    /** Returns notes about all processes. */
    #others() {
        const unknown = this.trace.processes.filter(({ isEndingKnown }) => !isEndingKnown).length;
        if (unknown > 0) {
            const these = unknown === 1 ? "one process" : `${grouped(unknown)} processes`;
            return [`How ${these} ended is not known: a JSON trace does not have to record it.`];
        }
        const areFine = this.trace.processes.every(({ isAbnormal, state }) => !isAbnormal && state !== "living");
        return areFine ? ["All processes ended normally."] : [];
    }

    #process({ process, threads, end }) {
        const state = process.state === "living" ? "still ran when the report was written" : process.ending;
        const ofParent = parentWords(process);
        const isNormal = !process.isAbnormal && process.state !== "living";
        return element(
            "section",
            { className: isNormal ? "normal" : "" },
            element("h3", {}, `${process.label} (pid ${process.pid}) ${state}`),
            ...(isNormal ? [hint("This is a normal end.")] : []),
            ...(ofParent === "" ? [] : [hint(ofParent)]),
            ...threads.slice(0, MOST).map((thread) => this.#thread(thread, end)),
        );
    }

    #thread({ track, name, frames }, end) {
        const open = frames.map(({ call }) => this.#item(track, call, openWords(track, call)));
        const ended = lastEnded(track, LAST).map((call) => {
            const before = timeText(Math.max(0, end - endOf(track, call)));
            const how = flagWords(track.flags[call], track.process).map((words) => `, ${words}`);
            return this.#item(track, call, `took ${timeText(track.duration[call])}, ${before} before the end${how}`);
        });
        const list = (title, items, none) => [
            element("h5", {}, title),
            items.length > 0 ? element("ol", {}, ...items) : element("p", { className: "hint" }, none),
        ];
        return element(
            "div",
            {},
            element("h4", {}, `${name} (${track.kind} ${track.tid})`),
            ...list("Open calls, outermost first", open, "No call was open."),
            ...list(`Last ${counted(ended.length, callWord(this.trace))} that ended, newest last`, ended, "None is in the report."),
        );
    }

    #item(track, call, words) {
        const link = button(labelOf(this.trace.functions, track.function[call]), () => this.reveal(track, call), {
            className: "link",
            title: "Show in the timeline",
        });
        return element("li", {}, link, element("span", { className: "since" }, ` ${words}`));
    }

    /** Returns a line for each process with missing or unreliable data. */
    #losses() {
        const all = this.trace.processes.filter(({ losses }) => losses.length > 0);
        const line = ({ label, pid, losses }) =>
            element("p", { className: "warning" }, `${label} (pid ${pid}): ${losses.join(", ")}`);
        const left = all.length - MOST;
        const more = left > 0 ? [element("p", {}, `… and ${counted(left, "more process")}`)] : [];
        return [...all.slice(0, MOST).map(line), ...more];
    }

    #tracks() {
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
            caption: "Threads and tasks with missing data",
            sort: "-overwritten",
            empty: "Nothing is missing.",
            columns: [
                {
                    key: "process",
                    title: "process",
                    isText: true,
                    value: ({ process }) => `${process.label} (pid ${process.pid})`,
                },
                { key: "track", title: "thread or task", isText: true, value: ({ name, tid }) => `${name} (${tid})` },
                number("overwritten", "overwritten", "Events that newer ones replaced"),
                number("lost", "lost", "Events that were not stored for lack of space"),
                number("unfinished", "unfinished", "Calls that never ended"),
            ],
        });
        table.show(rows);
        return table.element;
    }
}

function hint(text) {
    return element("p", { className: "hint" }, text);
}
