// Recordings of several boots: only the wall clock relates their times. The page can let all runs begin together
// instead, as `viztracer-merge --align start` does. Also, on which time the page opens.

import { list, number } from "./header.js";

/** Runs that are nearer to each other than this part of all time are shown together. */
const NEAR = 0.05;

/**
 * @typedef {object} Starts
 * @property {number[]} shifts       by process, what to add to its times so that all runs begin together
 * @property {string|null} baseRealtime  nanoseconds since 1970 at the report's zero then
 * @property {number} boots          how many boots the recordings are of
 * @property {number} uncertainty    the least error of the wall clock, in ns
 */

/** Reads what the header says. @returns {Starts|null} */
export function startsOf(of) {
    if (of === null || typeof of !== "object") {
        return null;
    }
    const shifts = list(of.shifts).map((shift) => (Number.isSafeInteger(shift) ? shift : 0));
    const baseRealtime = typeof of.baseRealtime === "string" ? of.baseRealtime : null;
    return { shifts, baseRealtime, boots: number(of.boots), uncertainty: number(of.uncertainty) };
}

/** Returns a process of the header with all its times moved. @param {object} of @param {number} by  nanoseconds */
export function moved(of, by) {
    if (by === 0) {
        return of;
    }
    const later = (time) => (Number.isFinite(time) ? time + by : time);
    const threads = list(of.threads).map((thread) => {
        const [start, end, events, since, until] = list(thread?.gap).map(Number);
        const gap = [later(start), later(end), events, later(since), later(until)];
        return thread?.gap ? { ...thread, gap } : thread;
    });
    const overwritten = list(of.overwritten).filter(Array.isArray)
        .map(([thread, task, times]) => [thread, task, list(times).map(later)]);
    return { ...of, threads, overwritten, opened: later(of.opened) };
}

/**
 * Returns the time on which the page opens, or null for all of it: the selected time, or of runs that lie far apart,
 * the first ones.
 * @param {unknown} selected  begin and end of the selected time
 * @param {Starts|null} starts  if the runs may lie far apart
 * @param {import("./model.js").Process[]} processes
 * @param {number} duration
 * @returns {[number, number]|null}
 */
export function openingOf(selected, starts, processes, duration) {
    const [from, to] = list(selected).map(number);
    if (from < Math.min(to, duration)) {
        return partOf([Math.max(from, 0), Math.min(to, duration)], duration);
    }
    return starts === null ? null : partOf(firstRuns(processes, duration), duration);
}

/** Returns a range, or null if it is nearly all the time. */
function partOf([from, to], duration) {
    return to - from < duration * (1 - NEAR) ? [from, to] : null;
}

/** Returns the time of the first runs, up to the first long time without any. */
function firstRuns(processes, duration) {
    const times = processes.map(({ opened, last }) => [opened, last]).sort(([one], [other]) => one - other);
    let [begin, end] = times[0] ?? [0, duration];
    for (const [opened, last] of times) {
        if (opened > end + duration * NEAR) {
            break;
        }
        end = Math.max(end, last);
    }
    return [begin, end];
}
