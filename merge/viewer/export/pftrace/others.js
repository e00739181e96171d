// What has sequences of its own beside the tracks of calls: counters, and the lives of tasks and coroutines.

import { eachLife, lifeArguments } from "../lives.js";
import { putArguments } from "./arguments.js";
import { EVENT, TRACK } from "./fields.js";
import { Sequence } from "./sequence.js";
import { OWN_SEQUENCE, putTrack } from "./tracks.js";

/** Writes a counter: a track and a sequence. */
export function putCounter(out, counter, numbers, zero) {
    const uuid = numbers.get(counter);
    putTrack(out, uuid, uuid, (track) => {
        track.number(TRACK.parent, numbers.get(counter.process));
        track.string(TRACK.name, counter.name);
        track.message(TRACK.counter, () => {});
    });
    const sequence = new Sequence(out, uuid, zero);
    counter.times.forEach((time, i) => sequence.event(time, (event) => {
        event.number(EVENT.type, EVENT.COUNTER);
        event.double(EVENT.doubleCounter, counter.values[i]);
    }));
}

/** Writes the lives of a task: those of each depth are a track and a sequence. Tracks of one name are drawn as one. */
export function putLives(out, track, functions, numbers) {
    const sequences = [];
    const begun = (level) => {
        const uuid = numbers.size + OWN_SEQUENCE + 1;
        numbers.set({}, uuid);
        putTrack(out, uuid, uuid, (message) => {
            message.number(TRACK.parent, numbers.get(track));
            message.string(TRACK.name, "life");
        });
        sequences[level] = new Sequence(out, uuid);
        return sequences[level];
    };
    eachLife(track, functions, ({ level, start, end, category, name }, at) => {
        const sequence = sequences[level] ?? begun(level);
        sequence.event(start, (event) => {
            event.number(EVENT.type, EVENT.BEGIN);
            event.string(EVENT.categories, category);
            event.string(EVENT.name, name);
            putArguments(event, lifeArguments(track, at));
        });
        sequence.event(end, (event) => event.number(EVENT.type, EVENT.END));
    });
}
