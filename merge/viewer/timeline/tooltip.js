// The tooltip: a few lines about the item under the pointer.

import { endOf, flagNames, mergedCount } from "../data/model.js";
import { numberText } from "./counters.js";
import { apartFrom, momentText, timeText } from "./ruler.js";
import { durationWords } from "./unfinished.js";

const LONGEST = 300;

/**
 * Returns the lines about an item: a title, a source location or kind, and pairs of a word and a value.
 * @returns {{title: string, location: string, facts: [string, string][]}}
 */
export function about(hit, trace, levels) {
    if (hit.call !== undefined) {
        return aboutCall(hit, trace, levels);
    }
    if (hit.instant) {
        const { name, kind, time } = hit.instant;
        const { instants } = hit.track;
        const apart = apartFrom((at) => instants[at].time, hit.at, instants.length);
        return { title: name, location: kind, facts: [["at", momentText(time, apart)]] };
    }
    if (hit.gap) {
        const { events, start, end } = hit.gap;
        return {
            title: `${events.toLocaleString("en")} events overwritten`,
            location: "The ring was full, and newer events replaced them.",
            facts: [["from", timeText(start)], ["duration", timeText(end - start)]],
        };
    }
    return { title: hit.counter.name, location: "", facts: [["value", numberText(hit.value)]] };
}

function aboutCall({ track, call }, { functions, loaded }, levels) {
    const index = track.function[call];
    const calls = mergedCount(track, call);
    const isWhole = !loaded || loaded.isWhole({ from: track.start[call], to: endOf(track, call) });
    const facts = [
        ["start", momentText(track.start[call], apartFrom((at) => track.start[at], call, track.count))],
        ["duration", durationWords(track, call)],
        ...(isWhole ? [["self", levels.ready ? timeText(levels.selfTime(call)) : "…"]] : []),
        ["depth", String(track.depth[call])],
    ];
    const flags = flagNames(track.flags[call]);
    if (flags.length > 0) {
        facts.push(["note", flags.join(", ")]);
    }
    if (calls !== "") {
        facts.push(["stands for", `${calls} short calls: zoom in to see them`]);
    }
    const file = functions.file(index);
    const what = track.kind === "async" ? "asynchronous span" : functions.kind(index);
    const location = file === "" ? what : `${file}:${functions.line(index)}`;
    return { title: functions.name(index), location, facts };
}

export class Tooltip {
    /** @param {HTMLElement} parent */
    constructor(parent) {
        this.element = document.createElement("div");
        this.element.className = "tooltip";
        this.element.setAttribute("aria-hidden", "true");
        this.element.hidden = true;
        parent.append(this.element);
    }

    hide() {
        this.element.hidden = true;
    }

    /** Shows lines next to a point of the window. */
    show({ title, location, facts }, x, y) {
        const line = (tag, text) => {
            const one = document.createElement(tag);
            one.textContent = text.slice(0, LONGEST);
            return one;
        };
        const list = document.createElement("dl");
        list.append(...facts.flatMap(([word, value]) => [line("dt", word), line("dd", value)]));
        this.element.replaceChildren(line("strong", title), ...(location === "" ? [] : [line("span", location)]), list);
        this.element.hidden = false;
        const { offsetWidth: width, offsetHeight: height } = this.element;
        const left = x + 16 + width > innerWidth ? x - width - 12 : x + 16;
        const top = y + 18 + height > innerHeight ? y - height - 12 : y + 18;
        this.element.style.transform = `translate(${Math.max(4, left)}px, ${Math.max(4, top)}px)`;
    }
}
