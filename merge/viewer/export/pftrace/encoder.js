// The events of one track: calls, instants, arrows, spans, missing history. A name is interned when the sequence first
// uses it.

import { DRAWN } from "../../data/model.js";
import { gapName, lostName, parsed } from "../events.js";
import { marks } from "../json.js";
import { putArguments } from "./arguments.js";
import { EVENT, INTERNED, LEGACY } from "./fields.js";

/** Levels of calls that Perfetto draws; it would draw deeper calls at the outermost level. */
const LEVELS = 512;

/** Writes the events of one track. */
export class Encoder {
    #iids = new Map();

    constructor({ functions }, track, sequence) {
        Object.assign(this, { functions, track, sequence, tooDeep: 0 });
        this.begin = this.begin.bind(this);
        this.end = this.end.bind(this);
        this.extra = this.extra.bind(this);
    }

    begin(call) {
        const { track } = this;
        if (track.depth[call] >= LEVELS) {
            this.tooDeep += 1;
            return;
        }
        const of = track.function[call];
        const iid = this.#iids.get(of) ?? this.#intern(of);
        this.sequence.event(track.start[call], (event) => {
            event.number(EVENT.type, EVENT.BEGIN);
            event.number(EVENT.nameIid, iid);
            if (this.functions.file(of) !== "") {
                event.number(EVENT.locationIid, iid);
            }
            if ((track.flags[call] & DRAWN) !== 0) {
                putArguments(event, marks(track.flags[call] & DRAWN));
            }
        });
    }

    end(call, time) {
        const { track } = this;
        if (track.depth[call] < LEVELS) {
            this.sequence.event(time, (event) => {
                event.number(EVENT.type, EVENT.END);
                const args = track.args.get(call);
                if (args !== undefined) {
                    putArguments(event, parsed(args));
                }
            });
        }
    }

    extra({ time, what, of }) {
        if (what === "flow") {
            this.sequence.event(time, (event) => putFlow(event, of));
        } else if (what === "span") {
            this.sequence.event(time, (event) => putSpan(event, of));
        } else if (what === "lost") {
            this.#put(time, EVENT.INSTANT, "LOSS", lostName(of.count), { lost: of.count });
        } else if (what === "gap") {
            const [since, until] = [of.since, of.until].map((at) => (at + this.sequence.zero) / 1000);
            this.#put(time, EVENT.BEGIN, "LOSS", gapName(of.events), { overwritten: of.events, since, until });
            this.sequence.event(of.end, (event) => event.number(EVENT.type, EVENT.END));
        } else {
            this.#put(time, EVENT.INSTANT, of.kind.toUpperCase(), of.name, parsed(of.args));
        }
    }

    #put(time, type, category, name, args) {
        this.sequence.event(time, (event) => {
            event.number(EVENT.type, type);
            event.string(EVENT.categories, category);
            event.string(EVENT.name, name);
            putArguments(event, args);
        });
    }

    /** Interns a function and its source location in this sequence; returns the id. */
    #intern(of) {
        const { functions } = this;
        const iid = this.#iids.size + 1;
        this.#iids.set(of, iid);
        this.sequence.interned((data) => {
            data.message(INTERNED.eventNames, (name) => {
                name.number(INTERNED.iid, iid);
                name.string(INTERNED.name, functions.label(of));
            });
            if (functions.file(of) !== "") {
                data.message(INTERNED.sourceLocations, (location) => {
                    location.number(INTERNED.iid, iid);
                    location.string(INTERNED.file, functions.file(of));
                    location.string(INTERNED.function, functions.name(of));
                    location.number(INTERNED.line, functions.line(of));
                });
            }
        });
        return iid;
    }
}

/** Writes one end of an arrow. */
function putFlow(event, { phase, id, name }) {
    event.string(EVENT.categories, "flow");
    event.string(EVENT.name, name);
    event.message(EVENT.legacy, (legacy) => {
        legacy.number(LEGACY.phase, phase.charCodeAt(0));
        legacy.number(LEGACY.id, id);
        if (phase === "f") {
            legacy.number(LEGACY.bindToEnclosing, 1);
        }
    });
}

/** Writes an event of a span; Perfetto connects them by category and id. */
function putSpan(event, { phase, cat, id, name, args }) {
    event.string(EVENT.categories, cat);
    event.string(EVENT.name, name);
    putArguments(event, args ?? {});
    event.message(EVENT.legacy, (legacy) => {
        legacy.number(LEGACY.phase, phase.charCodeAt(0));
        legacy.number(LEGACY.id, BigInt(/^\d+$/.test(id) ? id : 0));
    });
}
