// The functions of a served trace, counted by the server: the tables of `--top`.

import { NoAnswer, ask } from "../server.js";

/** What the server counts: all tracks, or some processes and threads, with the tasks that ran on these. */
const COUNTED = /^([pt]\d+(\.[pt]\d+)*)?$/;

/**
 * Returns the rows of a range, as statistics.js does.
 * @param {import("../data/model.js").Trace} trace
 * @param {{from: number, to: number, where: string}} scope
 * @param {boolean} isBusy  whether the rows say what of them was in calls that wait
 * @param {AbortSignal} signal
 * @returns {Promise<import("./statistics.js").Row[]>}
 */
export async function servedRows(trace, { from, to, where }, isBusy, signal) {
    const parameters = { from: Math.max(0, Math.floor(from)), ...placesOf(trace, where) };
    if (Number.isFinite(to)) {
        parameters.to = Math.max(Math.ceil(to), 0);
    }
    const tableOf = async (busy) => JSON.parse(await ask(trace, "functions", { ...parameters, busy }, signal)).all;
    const all = await tableOf(0);
    const busy = isBusy ? await tableOf(1) : all;
    const key = ({ function: name, file, line }) => `${line} ${file} ${name}`;
    const { functions } = trace;
    const numbers = new Map();
    for (let of = trace.served.header.names.length - 1; of >= 0; of -= 1) {
        numbers.set(key({ function: functions.name(of), file: functions.file(of), line: functions.line(of) }), of);
    }
    const left = new Map(busy.top.map((row) => [key(row), row]));
    const rows = all.top.map((row) => {
        const rest = left.get(key(row)) ?? { calls: 0, total_ns: 0, self_ns: 0 };
        const idle = {
            calls: row.calls - rest.calls, total: row.total_ns - rest.total_ns, own: row.self_ns - rest.self_ns,
        };
        return {
            function: numbers.get(key(row)) ?? 0, calls: row.calls, total: row.total_ns, own: row.self_ns,
            mean: row.mean_ns, max: row.max_ns, raised: row.raised, unfinished: row.unfinished,
            waiting: row.waiting_ns, idle,
        };
    });
    const unknown = all.overwritten_ns;
    const idle = { calls: 0, total: 0, own: 0 };
    const none = { calls: 0, mean: 0, max: 0, raised: 0, unfinished: 0, waiting: 0, idle };
    return unknown > 0 ? [...rows, { function: functions.overwritten, total: unknown, own: unknown, ...none }] : rows;
}

/** Returns the parameter for some tracks. */
function placesOf(trace, where) {
    if (where === "") {
        return {};
    }
    const place = (of) => {
        const index = Number(of.slice(1));
        if (of[0] === "p") {
            return String(index);
        }
        const { kind, process } = trace.tracks[index];
        return kind === "thread" ? `${process.index}_${process.tracks.indexOf(trace.tracks[index])}` : "";
    };
    const places = COUNTED.test(where) ? where.split(".").map(place) : [""];
    if (places.includes("")) {
        throw new NoAnswer("Choose threads, or zoom in: functions of a task need all calls of the range.");
    }
    return { where: places.join(".") };
}
