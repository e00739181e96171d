// The open calls of one thread, on its own track and on those of its tasks.

export class Stack {
    #height = 0;
    #tracks = [];
    #calls = new Int32Array(256);
    #ends = new Float64Array(256);

    /** @param {Int32Array} levels  as long as the longest sequence @param {import("./range.js").Taker} take */
    constructor(levels, take) {
        Object.assign(this, { levels, take });
    }

    /** Processes calls of a track that begin before `until`, but at least one. Returns their number. */
    run(track, first, last, until) {
        const { start, duration, parent } = track;
        const { levels } = this;
        let height = this.#height;
        let call = first;
        do {
            const begin = start[call];
            while (height > 0 && !this.#isAround(height - 1, track, parent[call], begin)) {
                height -= 1;
            }
            if (height === this.#calls.length) {
                this.#grow();
            }
            this.#tracks[height] = track;
            this.#calls[height] = call;
            this.#ends[height] = begin + duration[call];
            levels[call - first] = height;
            height += 1;
            call += 1;
        } while (call < last && start[call] < until);
        this.#height = height;
        this.take(track, first, call, levels, this.#calls.length);
        return call - first;
    }

    /** The callers on its own track are known; those on other tracks of the thread follow from the times. */
    #isAround(level, track, parent, begin) {
        return this.#tracks[level] === track ? this.#calls[level] === parent : this.#ends[level] > begin;
    }

    #grow() {
        const [calls, ends] = [this.#calls, this.#ends];
        this.#calls = new Int32Array(calls.length * 2);
        this.#calls.set(calls);
        this.#ends = new Float64Array(ends.length * 2);
        this.#ends.set(ends);
    }
}
