// The number of calls of each function, without their times.

import { ofCalls } from "../data/model.js";

/**
 * Returns the numbers of calls by function.
 * @param {import("../data/model.js").Trace} trace
 * @param {(track: object) => object} columnsOf  which columns of a track count
 */
export function callCounts(trace, columnsOf = (track) => track) {
    const counts = new Float64Array(trace.functions.count + 1);
    for (const { count, function: functions } of ofCalls(trace.tracks).map(columnsOf)) {
        for (let call = 0; call < count; call += 1) {
            counts[functions[call]] += 1;
        }
    }
    return counts;
}
