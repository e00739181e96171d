// The functions of a range together with those of a range that is held: what changed from A, which is held, to B.

/** The numbers of a function without calls. */
const NONE = { calls: 0, total: 0, own: 0, mean: 0, max: 0, raised: 0, unfinished: 0, waiting: 0 };

/**
 * Returns the rows of both ranges. `held` has the calls, total and self time in A, `change` those in B less those in A.
 * @template {import("./statistics.js").Row} Row
 * @param {Row[]} rows  of B @param {Row[]} held  of A
 * @returns {(Row & {held: Counts, change: Counts})[]}
 *
 * @typedef {{calls: number, total: number, own: number}} Counts
 */
export function withChanges(rows, held) {
    const before = new Map(held.map((row) => [row.function, row]));
    const now = new Set(rows.map((row) => row.function));
    const gone = held.filter((row) => !now.has(row.function)).map((row) => ({ ...NONE, function: row.function }));
    return [...rows, ...gone].map((row) => {
        const { calls, total, own } = before.get(row.function) ?? NONE;
        const change = { calls: row.calls - calls, total: row.total - total, own: row.own - own };
        return { ...row, held: { calls, total, own }, change };
    });
}
