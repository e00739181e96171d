// What the other tracks did during a call that waits.

import { meanwhile } from "../statistics/meanwhile.js";
import { inSlices, Stopped } from "../statistics/slices.js";
import { timeText } from "../timeline/ruler.js";
import { placeText } from "./calls.js";
import { button, element, grouped, labelOf } from "./element.js";
import { numeric } from "./range.js";
import { Table } from "./table.js";

/** Largest number of listed functions. */
const MOST = 50;

export class MeanwhileTable {
    #stop = new AbortController();

    /** @param {import("../data/model.js").Trace} trace @param {(track: object, call: number) => void} reveal */
    constructor(trace, reveal) {
        this.trace = trace;
        const link = (row) =>
            button(labelOf(trace.functions, row.function), () => reveal(row.of, row.call), {
                className: "link",
                title: "Go to its longest call in this time",
            });
        const place = (row) => placeText(trace, row.track);
        this.table = new Table({
            caption: "Meanwhile",
            sort: "-time",
            columns: [
                { key: "function", title: "function", isText: true, value: (row) => row.function, show: link },
                { key: "track", title: "track", isText: true, value: place },
                numeric("time", "time in it", "Self time in the time of the call, without calls that wait"),
            ],
        });
        this.element = this.table.element;
    }

    /** Counts for a call, and shows it. */
    async show(track, call) {
        this.#stop.abort();
        this.#stop = new AbortController();
        this.table.empty = "Counting …";
        this.table.show([], "Meanwhile, on the other tracks");
        try {
            const rows = await inSlices(meanwhile(this.trace, track, call), { signal: this.#stop.signal });
            const time = rows.reduce((sum, row) => sum + row.time, 0);
            const more = rows.length > MOST ? `, the ${MOST} longest of ${grouped(rows.length)}` : "";
            this.table.empty = "No other track worked.";
            this.table.show(rows.slice(0, MOST), `Meanwhile, on the other tracks: ${timeText(time)}${more}`);
        } catch (error) {
            if (!(error instanceof Stopped)) {
                throw error;
            }
        }
    }
}
