// The family of processes: who started whom, in which call, and what each is called.

import { list, string } from "./header.js";

/** What the first process of a run is called, as in VizTracer's reports. */
const MAIN = "MainProcess";
/** The function of a module's top level. */
const MODULE = "<module>";

/**
 * Sets the parent, the children, the starting call, the command line and the label of each process.
 * @param {import("./model.js").Process[]} processes
 * @param {object[]} headers   of the processes
 * @param {import("./model.js").Flow[]} flows
 * @param {import("./model.js").Functions} functions
 */
export function settleFamily(processes, headers, flows, functions) {
    processes.forEach((process, index) => {
        const { parent, command } = headers[index] ?? {};
        process.parent = processes[parent] !== process ? processes[parent] ?? null : null;
        process.command = list(command).map(string);
        process.children = [];
        process.birth = null;
    });
    for (const process of processes) {
        process.parent?.children.push(process);
    }
    for (const { isStart, fromTrack, fromCall, toTrack } of flows) {
        if (isStart && fromCall >= 0) {
            toTrack.process.birth = { track: fromTrack, call: fromCall };
        }
    }
    label(processes, functions);
}

/** Returns the processes, each behind its parent, and how many processes are above each. */
export function inTree(processes) {
    const found = [];
    const seen = new Set();
    const first = processes.filter(({ parent }) => !parent);
    // Damaged data may have processes that are each other's parents: they come last.
    const waiting = [...first, ...processes].map((process) => ({ process, level: 0 })).reverse();
    while (waiting.length > 0) {
        const one = waiting.pop();
        if (!seen.has(one.process)) {
            seen.add(one.process);
            found.push(one);
            const children = one.process.children ?? [];
            waiting.push(...children.map((process) => ({ process, level: one.level + 1 })).reverse());
        }
    }
    return found;
}

/** Names the first process after its program, and tells processes of one name apart by their arguments. */
function label(processes, functions) {
    const ofName = new Map();
    for (const process of processes) {
        const program = programOf(process, functions);
        process.label = process.name === MAIN && program !== "" ? program : process.name;
        ofName.set(process.label, [...(ofName.get(process.label) ?? []), process]);
    }
    for (const [name, alike] of ofName) {
        const words = alike.map(({ command }) => argumentsAfter(command, name));
        if (new Set(words).size > 1) {
            alike.forEach((process, at) => {
                process.label = `${name} ${words[at]}`.trim();
            });
        }
    }
}

/** Returns the name of the file that a process ran first, or of its folder for `python -m folder`. */
function programOf({ pid, tracks }, functions) {
    const main = tracks.find(({ kind, tid }) => kind === "thread" && tid === pid) ?? tracks[0];
    const module = functions.names.indexOf(MODULE) < 0 ? -1 : firstOf(main, functions);
    const parts = module < 0 ? [] : functions.file(main.function[module]).split("/");
    return (parts.at(-1) === "__main__.py" ? parts.at(-2) : parts.at(-1)) ?? "";
}

/** Returns the first call of a module's top level among the outermost calls of a track, or -1. */
function firstOf(track, functions) {
    const most = Math.min(track?.count ?? 0, 100);
    return Array.from({ length: most }, (_, call) => call).find((call) =>
        functions.name(track.function[call]) === MODULE && !functions.file(track.function[call]).startsWith("<")) ?? -1;
}

/** Returns the arguments of a program in a command line. */
function argumentsAfter(command, program) {
    const at = command.findIndex((word) => word.split("/").at(-1) === program);
    return at < 0 ? "" : command.slice(at + 1).join(" ");
}
