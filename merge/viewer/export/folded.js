// Collapsed stacks, as `viztracer-merge` writes them: a line for each stack of each thread, and the nanoseconds that
// are its own. Flame graph tools read them.

import { partsIn } from "../statistics/range.js";
import { callTree } from "../statistics/stacks.js";
import { CallTree } from "../statistics/tree.js";
import { printable } from "./printable.js";

/** Functions in a line, and the frame of what is called below. */
const FRAMES = 2048;
const DEEPER = "[deeper]";

/**
 * Returns the lines of a range.
 * @param {import("../data/model.js").Functions} functions
 * @param {import("../statistics/range.js").Range} range
 * @returns {Generator<number, string>}
 */
export function* folded(functions, range) {
    const { from, to } = range;
    const lines = [];
    const threads = byThread(range);
    let done = 0;
    for (const [thread, own] of threads) {
        const work = callTree({ from, to, tracks: own }, new CallTree(Infinity));
        let step = work.next();
        for (; !step.done; step = work.next()) {
            yield (done + step.value) / threads.size;
        }
        const { process } = thread;
        const outer = `${frame(`${process.name} (${process.pid})`)};${frame(`${thread.name} (${thread.tid})`)}`;
        const stacks = stacksOf(step.value, outer, functions);
        stacks.forEach((time, stack) => lines.push(`${stack} ${time}\n`));
        done += 1;
    }
    return lines.sort().join("");
}

/** By thread: itself if it is in the range, and the tasks that ran on it. */
function byThread(range) {
    const { tracks } = range;
    const threads = new Map(tracks.filter(({ kind }) => kind === "thread").map((track) => [track, [track]]));
    const isIn = partsIn(range);
    for (const task of tracks.filter(({ parts }) => parts)) {
        for (const part of task.parts.filter(({ thread }) => isIn(task, thread))) {
            threads.set(part.thread, [...(threads.get(part.thread) ?? []), { ...task, parts: [part] }]);
        }
    }
    return threads;
}

/** Returns the own time of each stack. @returns {Map<string, number>} */
function stacksOf(tree, outer, functions) {
    const texts = [outer];
    const depths = [0];
    const frames = [];
    const times = new Map();
    for (let node = 1; node < tree.count; node += 1) {
        const around = tree.parent[node];
        depths[node] = depths[around] + 1;
        if (depths[node] <= FRAMES + 1) {
            const of = tree.function[node];
            const isDeeper = depths[node] > FRAMES;
            frames[of] ??= frame(functions.label(of));
            texts[node] = `${texts[around]};${isDeeper ? DEEPER : frames[of]}`;
            const time = isDeeper ? tree.total[node] : tree.own[node];
            if (time > 0) {
                times.set(texts[node], (times.get(texts[node]) ?? 0) + time);
            }
        }
    }
    return times;
}

/** A name without the characters that separate frames and lines. */
function frame(name) {
    return printable(name).replaceAll(";", "_");
}
