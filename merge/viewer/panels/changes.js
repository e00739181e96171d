// The columns of a table of functions that compare the range B with the range A, which is held.

import { timeText } from "../timeline/ruler.js";
import { changeText } from "./difference.js";
import { element } from "./element.js";

/** Returns a difference with its sign. @param {(number: number) => string} show */
function signed(change, show) {
    return change === 0 ? show(0) : `${change < 0 ? "−" : "+"}${show(Math.abs(change))}`;
}

function changeColumn(key, word, name, show) {
    return {
        key: `${key}Change`,
        name: `${name}_change`,
        title: `${word} B − A`,
        hint: `How much more in this range, B, than in A, which is held`,
        value: ({ change }) => change[key],
        show: ({ held, change }) => {
            const title = `A → B: ${changeText(held[key], held[key] + change[key], show)}`;
            return element("span", { title }, signed(change[key], show));
        },
    };
}

function heldColumn(key, name) {
    return { key: `${key}Held`, name: `held_${name}`, title: "", value: ({ held }) => held[key], isUnseen: true };
}

const count = (number) => number.toLocaleString("en");

export const CHANGES = [
    changeColumn("calls", "calls", "calls", count),
    changeColumn("total", "total", "total_ns", timeText),
    changeColumn("own", "self", "self_ns", timeText),
    heldColumn("calls", "calls"),
    heldColumn("total", "total_ns"),
    heldColumn("own", "self_ns"),
];
