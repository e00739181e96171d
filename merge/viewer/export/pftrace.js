// The trace as Perfetto's protobuf, as `viztracer-merge` writes it. Each thread and task is a packet sequence with an
// incremental clock.

import { ofCalls } from "../data/model.js";
import { extras, walk, zeroOf } from "./events.js";
import { metadataText } from "./json.js";
import { Encoder } from "./pftrace/encoder.js";
import { METADATA, PACKET } from "./pftrace/fields.js";
import { putCounter, putLives } from "./pftrace/others.js";
import { Output, Sequence } from "./pftrace/sequence.js";
import { OWN_SEQUENCE, describe } from "./pftrace/tracks.js";

/** Bytes per piece. */
const PIECE = 1 << 20;

/**
 * Returns the file in pieces, and the number of calls that were too deep.
 * @param {import("../data/model.js").Trace} trace
 * @returns {Generator<number, {pieces: Blob[], tooDeep: number}>}
 */
export function* perfettoTrace(trace) {
    const out = new Output();
    const numbers = describe(trace, out);
    const tracks = ofCalls(trace.tracks);
    const all = tracks.reduce((sum, track) => sum + track.count, 0) || 1;
    let [done, tooDeep] = [0, 0];
    for (const track of tracks) {
        const sequence = new Sequence(out, numbers.get(track), zeroOf(trace, track.process));
        const encoder = new Encoder(trace, track, sequence);
        for (const calls of walk(track, extras(trace, track), encoder)) {
            out.flush(PIECE);
            yield (done + calls) / all;
        }
        done += track.count;
        tooDeep += encoder.tooDeep;
        putLives(out, track, trace.functions, numbers);
    }
    for (const counter of trace.counters) {
        putCounter(out, counter, numbers, zeroOf(trace, counter.process));
    }
    out.packet((packet) => {
        packet.number(PACKET.sequenceId, OWN_SEQUENCE);
        packet.message(PACKET.chromeEvents, (events) => events.message(METADATA.metadata, (entry) => {
            entry.string(METADATA.name, "viztracer_metadata");
            entry.string(METADATA.json, metadataText(trace));
        }));
    });
    out.flush(0);
    return { pieces: out.pieces, tooDeep };
}
