// The flows of the selected call as links: what it started or sent, and what led to it.

import { relationsOf } from "../data/relations.js";
import { timeText } from "../timeline/ruler.js";
import { button, element, grouped } from "./element.js";

/** Largest number of links in a list. */
const MOST = 20;

/**
 * Creates the lists, or nothing if there are no flows.
 * @param {import("../data/model.js").Trace} trace
 * @param {{reveal: (track: object, call: number) => void, revealPoint: (point: object) => void}} go
 */
export function relations(trace, go, track, call) {
    const { before, after } = relationsOf(trace, track, call);
    return [...listOf("Led to it", before, false, go), ...listOf("Started from it", after, true, go)];
}

function listOf(title, all, isAfter, go) {
    if (all.length === 0) {
        return [];
    }
    const item = (relation) => element("li", {}, link(relation, isAfter, go), delayOf(relation));
    const items = all.slice(0, MOST).map(item);
    const more = all.length > MOST ? [element("li", {}, `… ${grouped(all.length - MOST)} more`)] : [];
    return [element("h3", {}, title), element("ol", {}, ...items, ...more)];
}

function link({ name, isStart, track, call }, isAfter, go) {
    const { process } = track;
    const ofProcess = `${process.label} (pid ${process.pid})`;
    const ofFlow = `${name}: ${track.name}, ${ofProcess}`;
    const text = isStart ? `${isAfter ? "process" : "started by"} ${ofProcess}` : ofFlow;
    const act = call >= 0 ? () => go.reveal(track, call) : () => go.revealPoint({ process });
    return button(element("bdi", {}, text), act, { className: "link", title: "Go there" });
}

function delayOf({ delay }) {
    return element("span", { className: "since" }, ` ${timeText(delay)} later`);
}
