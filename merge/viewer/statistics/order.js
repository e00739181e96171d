// Sorts in slices: a merge sort that yields, so that millions of keys do not block the page.

/** Keys between two reads of the clock. */
const RUN = 1 << 14;

/**
 * Returns the indices of keys in the order of the keys. The indices of equal keys stay in order.
 * @template {Float64Array|string[]} Keys
 * @param {Keys} keys
 * @param {boolean} isDown  largest first
 * @returns {Generator<number, Uint32Array>}
 */
export function* ordered(keys, isDown = false) {
    const count = keys.length;
    const all = count * Math.ceil(Math.log2(count || 1)) || 1;
    // The keys move with the indices: looking them up by index would miss the cache.
    let [from, into] = [0, 1].map(() => ({ keys: keys.slice(), order: new Uint32Array(count) }));
    from.order.forEach((_, at, order) => (order[at] = at));
    let [done, pause] = [0, RUN];
    for (let width = 1; width < count; width *= 2) {
        for (let first = 0; first < count; first += 2 * width) {
            const [middle, end] = [Math.min(first + width, count), Math.min(first + 2 * width, count)];
            const part = { at: first, one: first, middle, other: middle, end };
            while (part.at < end) {
                done -= part.at;
                merge(from, into, part, isDown);
                done += part.at;
                if (done >= pause) {
                    pause = done + RUN;
                    yield done / all;
                }
            }
        }
        [from, into] = [into, from];
    }
    return from.order;
}

/** Merges the next keys of two sorted parts that follow each other. */
function merge(from, into, part, isDown) {
    const { middle, end } = part;
    let { at, one, other } = part;
    const { keys } = from;
    const last = Math.min(end, at + RUN);
    for (; at < last; at += 1) {
        const isOther =
            one === middle || (other < end && (isDown ? keys[one] < keys[other] : keys[one] > keys[other]));
        const next = isOther ? other : one;
        into.keys[at] = keys[next];
        into.order[at] = from.order[next];
        one += isOther ? 0 : 1;
        other += isOther ? 1 : 0;
    }
    part.at = at;
    part.one = one;
    part.other = other;
}
