// Arrows: from a process to those that it started, and those that the trace itself tells.

/** Arrows from where a process started another one to that one's first call. */
export function* starts(read, processes) {
    for (const { of, index } of read) {
        const parent = processes[of.parent];
        const withCalls = processes[index].tracks.filter((of) => of.count > 0);
        if (parent === undefined || withCalls.length === 0 || !Number.isFinite(of.opened)) {
            continue;
        }
        const toTrack = withCalls.reduce((first, other) => (other.start[0] < first.start[0] ? other : first));
        const toTime = toTrack.start[0];
        const fromTime = Math.min(of.opened, toTime);
        const busy = parent.tracks.filter((of) => of.kind === "thread" && isBusy(of, fromTime));
        const fromTrack = busy.find((of) => of.tid === parent.pid) ?? busy[0] ?? parent.tracks[0];
        if (fromTrack !== undefined) {
            yield { fromTrack, fromTime, toTrack, toTime, name: "start" };
        }
    }
}

/** Whether a call is open on a track at a time: the outermost one will do. */
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

/** Arrows of the trace: `s` begins one, `t` leads on, `f` ends it. */
export function* pairs(read) {
    const ends = read.flatMap((process) => process.flows).sort((a, b) => a.time - b.time);
    const last = new Map();
    for (const { kind, key, name, stream, time } of ends) {
        const from = last.get(key);
        if (kind !== "s" && from !== undefined) {
            yield { fromTrack: from.stream.track, fromTime: from.time, toTrack: stream.track, toTime: time, name };
        }
        if (kind === "f") {
            last.delete(key);
        } else {
            last.set(key, { stream, time });
        }
    }
}
