// Finding a time in what is sorted by time.

/** The first place at or behind `low` whose time is this or later. */
export function placeFrom(length, timeAt, time, low = 0) {
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
