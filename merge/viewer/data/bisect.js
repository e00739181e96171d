// Binary search by time.

/** Returns the first index from `low` on whose time is not before `time`. */
export function indexFrom(length, timeAt, time, low = 0) {
    let high = length;
    while (low < high) {
        const middle = (low + high) >>> 1;
        if (timeAt(middle) < time) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}
