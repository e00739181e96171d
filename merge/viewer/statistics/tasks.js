// Calls of tasks have tracks of their own, but it is a call of a thread that runs them: their time is not its own.

import { endOf, firstFrom } from "../data/model.js";
import { runs } from "./range.js";

/**
 * Calls `take(thread, call, task, step)` for the outermost calls of tasks in a range, where `call` of one of the
 * range's threads runs that `step` of the task; yields what part is done.
 * @param {import("./range.js").Range} range
 */
export function* taskSteps({ from, to, tracks }, take) {
    const asked = new Set(tracks.filter(({ kind }) => kind === "thread"));
    const processes = new Set(Array.from(asked, ({ process }) => process));
    const tasks = Array.from(processes).flatMap((process) => process.tracks.filter(({ kind }) => kind === "task"));
    yield* runs({ from, to, tracks: tasks }, (task, first, last) => {
        for (let step = first; step < last; step += 1) {
            if (task.depth[step] === 0) {
                const around = runnerOf(task, step);
                if (around !== null && asked.has(around.thread)) {
                    take(around.thread, around.call, task, step);
                }
            }
        }
    });
}

/** The innermost call of the process's threads around a step: of those of several threads, the one that began last. */
function runnerOf(task, step) {
    const [start, end] = [task.start[step], endOf(task, step)];
    let best = null;
    for (const thread of task.process.tracks) {
        if (thread.kind !== "thread") {
            continue;
        }
        let call = firstFrom(thread, start + 1) - 1;
        while (call >= 0 && endOf(thread, call) < end) {
            call = thread.parent[call];
        }
        if (call >= 0 && (best === null || thread.start[call] > best.thread.start[best.call])) {
            best = { thread, call };
        }
    }
    return best;
}
