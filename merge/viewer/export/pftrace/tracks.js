// The tracks of a file: processes, threads and tasks, and the clocks.

import { ofCalls } from "../../data/model.js";
import { CLOCK, PACKET, PROCESS, THREAD, TRACK } from "./fields.js";
import { putClock } from "./sequence.js";

/** The sequence of packets without a thread. */
export const OWN_SEQUENCE = 1;

/** Writes the clocks and the tracks of all processes, threads and tasks; returns their ids. */
export function describe(trace, out) {
    const numbers = new Map();
    let next = OWN_SEQUENCE + 1;
    out.packet((packet) => {
        packet.number(PACKET.sequenceId, OWN_SEQUENCE);
        packet.message(PACKET.clockSnapshot, (snapshot) => {
            putClock(snapshot, CLOCK.BOOTTIME, 0);
            if (trace.fileRealtime !== null) {
                putClock(snapshot, CLOCK.REALTIME, trace.fileRealtime);
            }
        });
    });
    for (const process of trace.processes) {
        numbers.set(process, next);
        putTrack(out, OWN_SEQUENCE, next, (track) => track.message(TRACK.process, (message) => {
            message.number(PROCESS.pid, process.pid);
            message.string(PROCESS.name, process.name);
        }));
        next += 1;
        for (const of of ofCalls(process.tracks)) {
            numbers.set(of, next);
            putTrack(out, next, next, (track) => describeTrack(track, of, numbers.get(process)));
            next += 1;
        }
    }
    for (const counter of trace.counters) {
        numbers.set(counter, next);
        next += 1;
    }
    return numbers;
}

/** Perfetto has no tasks. Tasks of the same name are kept separate. */
function describeTrack(message, track, process) {
    message.number(TRACK.parent, process);
    if (track.kind === "task") {
        message.string(TRACK.name, track.name);
        message.number(TRACK.siblingMerge, TRACK.MERGE_NONE);
        return;
    }
    message.message(TRACK.thread, (thread) => {
        thread.number(THREAD.pid, track.process.pid);
        thread.number(THREAD.tid, track.tid);
        thread.string(THREAD.name, track.name);
    });
}

export function putTrack(out, sequence, uuid, fill) {
    out.packet((packet) => {
        packet.number(PACKET.sequenceId, sequence);
        packet.message(PACKET.trackDescriptor, (track) => {
            track.number(TRACK.uuid, uuid);
            fill(track);
        });
    });
}
