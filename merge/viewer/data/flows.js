// Arrows: from a process to its children, and the flows of a JSON trace.

import { firstFrom } from "./model.js";

/** Functions that start a process. */
const STARTS = /^(posix\.(fork|forkpty|posix_spawnp?)|_posixsubprocess\.fork_exec)$/;
/** The largest number of process ids: after it, ids wrap around. */
const IDS = 2 ** 22;

/**
 * Returns arrows from the call that started a process to the first call of that process, or to the begin of the
 * process if its first call was overwritten.
 */
export function* starts(read, processes, functions) {
    const births = birthsOf(read, processes, functions);
    for (const { of, index } of read) {
        const parent = processes[of.parent];
        const withCalls = processes[index].tracks.filter((of) => of.count > 0);
        if (parent === undefined || withCalls.length === 0 || !Number.isFinite(of.opened)) {
            continue;
        }
        const toTrack = withCalls.reduce((first, other) => (other.start[0] < first.start[0] ? other : first));
        const toTime = toTrack.overwritten > 0 ? Math.min(of.opened, toTrack.start[0]) : toTrack.start[0];
        const birth = births.get(index);
        const fromTime = Math.min(birth?.time ?? of.opened, toTime);
        const busy = parent.tracks.filter((of) => of.kind === "thread" && isBusy(of, fromTime));
        const fromTrack = birth?.track ?? busy.find((of) => of.tid === parent.pid) ?? busy[0] ?? parent.tracks[0];
        if (fromTrack !== undefined) {
            const fromCall = birth?.call ?? -1;
            yield { fromTrack, fromTime, toTrack, toTime, name: "start", isStart: true, fromCall };
        }
    }
}

/**
 * Returns the calls that started processes, by the index of the child, if they are unambiguous. A child opens its
 * file some time after its start, perhaps later than a younger child. But children get their ids in the order of
 * their starts.
 */
function birthsOf(read, processes, functions) {
    const births = new Map();
    const starting = Uint8Array.from({ length: functions.count }, (_, i) => Number(STARTS.test(functions.name(i))));
    const families = new Map(processes.map((process) => [process.index, []]));
    read.forEach((child) => families.get(child.of.parent)?.push(child));
    for (const [parent, children] of families) {
        const age = ({ pid }) => (pid > processes[parent].pid ? pid : pid + IDS);
        children.sort((one, other) => age(one) - age(other));
        const calls = children.length > 0 ? startsIn(processes[parent], read[parent], starting) : [];
        if (calls.length === children.length && calls.every(({ time }, i) => time <= children[i].of.opened)) {
            children.forEach(({ index }, i) => births.set(index, calls[i]));
        }
    }
    return births;
}

function startsIn({ tracks }, { of }, starting) {
    const found = [];
    for (const track of tracks) {
        // The first call of a forked child is the end of the fork.
        for (let call = of.parent === undefined || of.parent === null ? 0 : 1; call < track.count; call += 1) {
            if (starting[track.function[call]] === 1) {
                found.push({ track, call, time: track.start[call] });
            }
        }
    }
    return found.sort((one, other) => one.time - other.time);
}

/** Returns whether any call is open on a track at a time. */
function isBusy(track, time) {
    let [low, high] = [0, track.count];
    while (low < high) {
        const middle = (low + high) >>> 1;
        [low, high] = track.start[middle] <= time ? [middle + 1, high] : [low, middle];
    }
    let call = low - 1;
    while (call >= 0 && track.parent[call] >= 0) {
        call = track.parent[call];
    }
    return call >= 0 && track.start[call] + track.duration[call] >= time;
}

/**
 * Returns the flows of the trace: `s` begins a flow, `t` continues it, `f` ends it.
 * @param {boolean} isWhole  whether all calls are there; if not, the true next call may be missing
 */
export function* pairs(read, isWhole) {
    const ends = read.flatMap((process) => process.flows).sort((a, b) => a.time - b.time);
    const last = new Map();
    for (const { kind, key, name, stream, time, isInNext } of ends) {
        const from = last.get(key);
        if (kind !== "s" && from !== undefined) {
            const toTime = isInNext && isWhole ? nextBegin(stream.track, time) : time;
            yield { fromTrack: from.stream.track, fromTime: from.time, toTrack: stream.track, toTime, name };
        }
        if (kind === "f") {
            last.delete(key);
        } else {
            last.set(key, { stream, time });
        }
    }
}

/** Returns when the next call of a track begins; this time if none does. */
function nextBegin(track, time) {
    const call = firstFrom(track, time);
    return call < track.count ? track.start[call] : time;
}
