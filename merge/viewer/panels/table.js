// A table that is sorted by a click on a heading, accessible to screen readers.

import { csv } from "../export/csv.js";
import { button, counted, element } from "./element.js";

/** Rows that are shown at first; a button shows more. */
const ROWS = 200;

/**
 * @template Row
 * @typedef {object} Column
 * @property {string} key                     its name in the state
 * @property {string=} name                   its name in CSV, if different
 * @property {string} title
 * @property {string=} hint                   its meaning
 * @property {(row: Row) => string|number} value  the value for sorting and CSV
 * @property {(row: Row) => string|Node=} show    the shown content; by default the value
 * @property {boolean=} isText                text: aligned left, first sorted in ascending order
 * @property {boolean=} isAction              no data: neither sorted nor in CSV
 * @property {boolean=} isUnseen              in CSV only
 */

/** @template Row */
export class Table {
    #rows = [];
    #shown = ROWS;

    /**
     * @param {{caption: string, columns: Column<Row>[], sort: string, changed?: () => void, empty?: string,
     *     isSorted?: boolean, most?: number}} options
     *     `sort` is a column's key, with "-" before it for the largest first; `isSorted`: the rows are sorted by their
     *     owner, who shows them again after a change; `most`: no more rows are shown
     */
    constructor({ caption, columns, sort, changed, empty = "Nothing.", isSorted = false, most = Infinity }) {
        Object.assign(this, { columns, changed, empty, isSorted, most });
        this.caption = element("caption", {}, caption);
        this.head = element("tr");
        this.body = element("tbody");
        this.more = button("", () => this.#showMore(), { className: "more" });
        const table = element("table", {}, this.caption, element("thead", {}, this.head), this.body);
        this.element = element("div", { className: "table" }, table, this.more);
        this.sort = sort;
    }

    /** The sort order. */
    get sort() {
        return this.state;
    }

    /** Sets the sort order. An unknown column changes nothing. */
    set sort(sort) {
        const key = String(sort).replace(/^-/, "");
        if (this.columns.some((column) => column.key === key && !column.isAction && !column.isUnseen)) {
            this.state = sort;
            if (!this.isSorted) {
                this.#render();
            }
        }
    }

    /** Changes the columns, without rows until their owner shows them. `usual` is the order if its column is gone. */
    setColumns(columns, usual) {
        if (columns !== this.columns) {
            this.#rows = [];
            this.columns = columns;
            this.restore(usual, this.sort);
        }
    }

    /** Sets the sort order to one, or to another one if it is unknown. */
    restore(usual, sort) {
        this.sort = usual;
        this.sort = sort;
    }

    /**
     * @param {Row[]|{length: number, slice: (from: number, to: number) => Row[]}} rows
     * @param {string|((shown: number) => string)} caption  text, or a function of the number of shown rows
     */
    show(rows, caption = this.caption.textContent) {
        this.#rows = rows;
        this.#shown = ROWS;
        this.captionOf = typeof caption === "string" ? () => caption : caption;
        this.#render();
    }

    /** Returns the whole table, in the visible order; only the shown rows if their owner sorts them. */
    csv() {
        const columns = this.columns.filter(({ isAction }) => !isAction);
        const rows = this.isSorted ? this.#rows.slice(0, this.#shown) : this.#sorted();
        return csv(
            columns.map(({ key, name = key }) => name),
            rows.map((row) => columns.map(({ value }) => value(row))),
        );
    }

    get #seen() {
        return this.columns.filter(({ isUnseen }) => !isUnseen);
    }

    #sorted() {
        if (this.isSorted) {
            return this.#rows;
        }
        const isDown = this.state.startsWith("-");
        const { value } = this.columns.find(({ key }) => key === this.state.replace(/^-/, ""));
        const keyed = this.#rows.map((row) => [value(row), row]);
        keyed.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0) * (isDown ? -1 : 1));
        return keyed.map(([, row]) => row);
    }

    #render() {
        const focused = this.head.contains(document.activeElement) ? document.activeElement.dataset.key : null;
        this.head.replaceChildren(...this.#seen.map((column) => this.#heading(column)));
        if (focused) {
            this.head.querySelector(`[data-key="${focused}"]`)?.focus();
        }
        const rows = this.#sorted()
            .slice(0, this.#shown)
            .map((row) => this.#row(row));
        const none = element("tr", {}, element("td", { colspan: this.#seen.length, className: "word" }, this.empty));
        this.body.replaceChildren(...(rows.length > 0 ? rows : [none]));
        this.caption.textContent = this.captionOf?.(rows.length) ?? this.caption.textContent;
        const left = this.#rows.length - this.#shown;
        this.more.hidden = left <= 0 || this.#shown >= this.most;
        this.more.textContent = `Show more: ${counted(left, "row")} left`;
    }

    #heading({ key, title, hint, isText, isAction }) {
        if (isAction) {
            return element("th", { scope: "col" }, element("span", { className: "unseen" }, title));
        }
        const isSorted = this.state.replace(/^-/, "") === key;
        const isDown = this.state.startsWith("-");
        const sortBy = () => {
            const down = isSorted ? !isDown : !isText;
            this.sort = (down ? "-" : "") + key;
            this.changed?.();
        };
        const order = isSorted ? (isDown ? "descending" : "ascending") : undefined;
        const own = button(title, sortBy, { title: hint });
        own.dataset.key = key;
        return element("th", { scope: "col", className: isText ? "word" : "number", "aria-sort": order }, own);
    }

    #row(row) {
        return element(
            "tr",
            {},
            ...this.#seen.map(({ value, show, isText, isAction }, at) =>
                element(
                    "td",
                    {
                        className: isText ? "word" : isAction ? "action" : "number",
                        role: at === 0 ? "rowheader" : undefined,
                    },
                    show?.(row) ?? String(value(row)),
                ),
            ),
        );
    }

    #showMore() {
        this.#shown = Math.min(this.#shown * 4, this.most);
        this.#render();
    }
}
