// The packets of a file, and the sequence of packets of one track.

import { Message } from "../protobuf.js";
import { CLOCK, DEFAULTS, EVENT, NEEDS_STATE, PACKET, STATE_CLEARED, TRACE } from "./fields.js";

/** The id of a sequence's own clock. */
const SEQUENCE_CLOCK = 64;

/** Collects packets into pieces. */
export class Output {
    constructor() {
        this.bytes = new Message();
        /** @type {Blob[]} */
        this.pieces = [];
    }

    packet(fill) {
        this.bytes.message(TRACE.packet, fill);
    }

    flush(least) {
        if (this.bytes.length > least) {
            this.pieces.push(new Blob([this.bytes.take()]));
            this.bytes.clear();
        }
    }
}

/** The packet sequence of one track. */
export class Sequence {
    #now = 0;

    /** @param {number} zero  offset that is added to all times */
    constructor(out, id, zero) {
        this.out = out;
        this.id = id;
        this.zero = zero;
        out.packet((packet) => this.#state(packet));
    }

    /** Writes a packet with an event. */
    event(time, fill) {
        const delta = Math.max(0, Math.floor(time) + this.zero - this.#now);
        this.#now += delta;
        this.out.packet((packet) => {
            packet.number(PACKET.timestamp, delta);
            this.#prefix(packet);
            packet.message(PACKET.trackEvent, fill);
        });
    }

    /** Writes a packet with interned data. */
    interned(fill) {
        this.out.packet((packet) => {
            this.#prefix(packet);
            packet.message(PACKET.internedData, fill);
        });
    }

    #prefix(packet) {
        packet.number(PACKET.sequenceId, this.id);
        packet.number(PACKET.sequenceFlags, NEEDS_STATE);
    }

    #state(packet) {
        packet.number(PACKET.sequenceId, this.id);
        packet.number(PACKET.sequenceFlags, STATE_CLEARED);
        packet.message(PACKET.defaults, (defaults) => {
            defaults.number(DEFAULTS.clockId, SEQUENCE_CLOCK);
            defaults.message(DEFAULTS.trackEvent, (event) => event.number(EVENT.track, this.id));
        });
        packet.message(PACKET.clockSnapshot, (snapshot) => {
            snapshot.message(1, (clock) => {
                clock.number(CLOCK.id, SEQUENCE_CLOCK);
                clock.number(CLOCK.timestamp, 0);
                clock.number(CLOCK.isIncremental, 1);
            });
            putClock(snapshot, CLOCK.BOOTTIME, 0);
        });
    }
}

export function putClock(snapshot, id, timestamp) {
    snapshot.message(1, (clock) => {
        clock.number(CLOCK.id, id);
        clock.number(CLOCK.timestamp, timestamp);
    });
}
