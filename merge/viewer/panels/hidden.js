// What the panels say of hidden calls: see ../data/hiding.js.

import { recordedCall } from "../data/hiding.js";
import { afterSubtree } from "../data/model.js";
import { timeText } from "../timeline/ruler.js";
import { counted, grouped } from "./element.js";

/** Returns what is hidden in a range. @param {{calls: number, outside: number}} found */
export function hiddenText({ words }, { calls, outside }) {
    const lost = outside > 0 ? `; ${timeText(outside)} of their time is in no shown call` : "";
    return `hidden: ${words}, ${counted(calls, "call")}${lost}`;
}

/** Returns how many hidden calls are in a call and around it, or "". */
export function hiddenAt({ hidden }, track, call) {
    if (!hidden || !track.shown) {
        return "";
    }
    const { recorded } = track;
    const own = recordedCall(track, call);
    const inside = afterSubtree(recorded, own) - own - (afterSubtree(track, call) - call);
    const around = hiddenAround(track, call);
    const parts = [...(inside > 0 ? [`${counted(inside, "call")} in it`] : []),
        ...(around > 0 ? [`${grouped(around)} around it`] : [])];
    return parts.length > 0 ? `${parts.join(", ")}: ${hidden.words}` : "";
}

/** Returns how many callers of a call are hidden. */
export function hiddenAround(track, call) {
    return track.shown?.above[recordedCall(track, call)] ?? 0;
}
