// What a search finds: calls and points (instants and counters), in the order of time. Calls come first if both are at
// the same time.

import { indexFrom } from "../data/bisect.js";
import { timeOf } from "../timeline/points.js";
import { find } from "./matches.js";
import { plainText } from "./arguments.js";

/** Points between two reads of the clock. */
const RUN = 1 << 14;

/**
 * A place in the order of hits: a call, a point, or null for none.
 * @typedef {{track: object, call: number}|{point: object}|null} Place
 */

export class Hits {
    /** @param {import("./matches.js").Matches} matches @param {object[]} points  in the order of time */
    constructor(matches, points) {
        Object.assign(this, { matches, points, count: matches.count + points.length });
        /** By the track's index, its instants among them. @type {Map<number, number[]>} */
        this.instants = new Map();
        for (const { track, at } of points.filter((point) => point.track)) {
            const own = this.instants.get(track.index) ?? [];
            own.push(at);
            this.instants.set(track.index, own);
        }
    }

    /** Whether all of them are calls. */
    get areCalls() {
        return this.points.length === 0 && !this.matches.tracks.some(
            ({ kind, index }) => kind === "async" && this.matches.calls.get(index).length > 0);
    }

    /** Returns how many hits come before a place. @param {Place} place */
    indexOf(place) {
        return place.point
            ? this.matches.countBefore(timeOf(place.point) + 1) + this.#indexOfPoint(place.point)
            : this.matches.indexOf(place.track, place.call) + this.#pointsBefore(place.track.start[place.call]);
    }

    /** Returns the next hit; after the last one, the first one. @param {Place} place */
    after(place) {
        const time = timeAt(place);
        const at = place?.point ? this.#indexOfPoint(place.point) + 1 : this.#pointsBefore(time);
        // The next call may be the first one again.
        const { track = null, call = -1 } = place ?? {};
        const next = place?.point ? this.matches.from(time + 1) : this.matches.after(track, call);
        const isBehind = next && (track === null || isLater(next, place));
        const found = [...(isBehind ? [next] : []), ...this.points.slice(at, at + 1).map((point) => ({ point }))];
        found.sort((a, b) => timeAt(a) - timeAt(b));
        return found[0] ?? (place === null ? null : this.after(null));
    }

    /** Returns the hit before; before the first one, the last one. @param {Place} place */
    before(place) {
        const time = place === null ? Infinity : timeAt(place);
        const at = place?.point ? this.#indexOfPoint(place.point) : this.#pointsBefore(time);
        const { track = null, call = -1 } = place ?? {};
        const next = place?.point ? this.matches.until(time + 1) : this.matches.before(track, call);
        const isBefore = next && (track === null || isLater(place, next));
        const points = this.points.slice(Math.max(at - 1, 0), at).map((point) => ({ point }));
        const found = [...points, ...(isBefore ? [next] : [])];
        found.sort((a, b) => timeAt(b) - timeAt(a));
        return found[0] ?? (place === null ? null : this.before(null));
    }

    #pointsBefore(time) {
        return indexFrom(this.points.length, (at) => timeOf(this.points[at]), time);
    }

    /** Returns the index of a point; that of the next one if it is no hit. */
    #indexOfPoint(point) {
        const from = this.#pointsBefore(timeOf(point));
        const isIt = (other) => other.track === point.track && other.counter === point.counter && other.at === point.at;
        const at = this.points.findIndex((other, index) => index >= from && isIt(other));
        return at < 0 ? this.#pointsBefore(timeOf(point) + 1) : at;
    }
}

function timeAt(place) {
    return place === null ? -Infinity : place.point ? timeOf(place.point) : place.track.start[place.call];
}

/** Compares two calls in the order of Matches. */
function isLater(one, other) {
    return (timeAt(one) - timeAt(other) || one.track.index - other.track.index || one.call - other.call) > 0;
}

/**
 * Finds functions and spans by their labels, calls and instants by their arguments, instants and counters by their
 * names.
 * @param {import("../data/model.js").Trace} trace
 * @param {(text: string) => boolean} test
 * @param {string} text  what the user has typed
 * @returns {Generator<number, Hits>}
 */
export function* findAll(trace, test, text) {
    // Text without signs is also in the JSON that the arguments are kept in.
    const isPlain = /^[\w.]+$/.test(text);
    const inArguments = (json) => (!isPlain || test(json)) && test(plainText(json));
    const matches = yield* find(trace, test, inArguments);
    const points = [];
    for (const track of trace.tracks) {
        for (const [at, { name, args }] of track.instants.entries()) {
            if (test(name) || (args !== null && inArguments(args))) {
                points.push({ track, at });
            }
            if (at % RUN === 0) {
                yield 1;
            }
        }
    }
    for (const counter of trace.counters) {
        if (test(counter.name) && counter.times.length > 0) {
            points.push({ counter, at: 0 });
        }
    }
    points.sort((a, b) => timeOf(a) - timeOf(b));
    return new Hits(matches, points);
}
