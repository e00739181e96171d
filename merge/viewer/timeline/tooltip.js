// What is under the pointer, in a few lines beside it.

import { flagNames } from "../data/model.js";
import { numberText } from "./counters.js";
import { timeText } from "./ruler.js";

const LONGEST = 300;

/**
 * The lines about something: a title, a place and pairs of a word and a value.
 * @returns {{title: string, place: string, facts: [string, string][]}}
 */
export function about(hit, trace, levels) {
    if (hit.call !== undefined) {
        return aboutCall(hit, trace, levels);
    }
    if (hit.moment) {
        const { name, kind, time } = hit.moment;
        return { title: name, place: kind, facts: [["at", timeText(time)]] };
    }
    if (hit.gap) {
        const { events, start, end } = hit.gap;
        return {
            title: `${events.toLocaleString("en")} events overwritten`,
            place: "They are lost: the ring was full, and newer events took their place.",
            facts: [["from", timeText(start)], ["duration", timeText(end - start)]],
        };
    }
    return { title: hit.counter.name, place: "", facts: [["value", numberText(hit.value)]] };
}

function aboutCall({ track, call }, { functions }, levels) {
    const index = track.function[call];
    const facts = [
        ["start", timeText(track.start[call])],
        [track.flags[call] & 1 ? "so far" : "duration", timeText(track.duration[call])],
        ["self", levels.ready ? timeText(levels.selfTime(call)) : "…"],
        ["depth", String(track.depth[call])],
    ];
    const flags = flagNames(track.flags[call]);
    if (flags.length > 0) {
        facts.push(["note", flags.join(", ")]);
    }
    const file = functions.file(index);
    const what = track.kind === "async" ? "asynchronous span" : "C function";
    const place = file === "" ? what : `${file}:${functions.line(index)}`;
    return { title: functions.name(index), place, facts };
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

    /** Shows lines beside a point of the window. */
    show({ title, place, facts }, x, y) {
        const line = (tag, text) => {
            const one = document.createElement(tag);
            one.textContent = text.slice(0, LONGEST);
            return one;
        };
        const list = document.createElement("dl");
        list.append(...facts.flatMap(([word, value]) => [line("dt", word), line("dd", value)]));
        this.element.replaceChildren(line("strong", title), ...(place === "" ? [] : [line("span", place)]), list);
        this.element.hidden = false;
        const { offsetWidth: width, offsetHeight: height } = this.element;
        const left = x + 16 + width > innerWidth ? x - width - 12 : x + 16;
        const top = y + 18 + height > innerHeight ? y - height - 12 : y + 18;
        this.element.style.transform = `translate(${Math.max(4, left)}px, ${Math.max(4, top)}px)`;
    }
}
