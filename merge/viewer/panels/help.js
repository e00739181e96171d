// The list of keys, opened by "?".

import { button, element } from "./element.js";

/** Stands for the keys of the tabs. */
const TABS = "tabs";

const KEYS = [
    [
        "In the timeline",
        [
            ["W, +, S, −", "zoom in, out"],
            ["A, ←, D, →", "move left, right"],
            ["↑, ↓, Page Up, Page Down", "scroll"],
            ["0, Home", "show all"],
            ["F, Enter", "fit the range or the selected call"],
            ["[, ]", "track above, below"],
            ["H, L", "call before, after on the track"],
            ["K, J, Alt+↑, Alt+↓", "caller, first callee"],
            ["Shift+J", "longest callee"],
            ["Comma, Period", "instant, snapshot or sample before, after"],
            ["M", "the selected call's time becomes the range"],
            ["N", "a note on the range, the selection or the moment under the pointer"],
            ["Escape", "no range, no selection"],
            ["←, →, with Shift", "on an edge of the range: move it, to the next begin or end of a call"],
        ],
    ],
    [
        "By mouse or finger",
        [
            ["wheel, pinch", "zoom at the pointer"],
            ["drag, wheel with Shift, with Alt", "move, sideways, up and down"],
            ["click, double click", "select a call, zoom to it"],
            ["drag on the ruler, with Shift", "a range, and how long it is; its edges snap to calls, but not with Alt"],
            ["drag an edge of the range", "move it"],
            ["drag on the minimap", "move the visible part, or one of its edges"],
            ["drag a name", "another order of the tracks"],
            ["click the name of a process", "its details"],
            ["drag the edge of the names", "their width"],
        ],
    ],
    [
        "Everywhere",
        [
            ["Alt+←, Alt+→", "the view, selection, range and tab before, after"],
            ["/", "search: functions, files, arguments, instants, counters, spans"],
            ["↑, ↓", "in the search: choose a function that it suggests"],
            ["Enter, Shift+Enter, Escape", "in the search: next, previous hit, no search"],
            [TABS, "open a tab of the panel; once more: go to it"],
            ["Escape", "in the panel: back to the timeline"],
            ["menu Hide", "functions whose calls are not shown; their time is their callers'"],
            ["Alt+↑, Alt+↓", "on a track's buttons: move the track"],
            ["↑, ↓", "on the panel's upper edge: its height"],
            ["?", "this help"],
        ],
    ],
    [
        "In flame graphs",
        [
            ["←, →, ↑, ↓", "go from frame to frame"],
            ["Enter, click", "zoom into the frame"],
            ["Backspace, Escape", "zoom out by one, to all"],
        ],
    ],
];

/** Formats keys: keys of one action with spaces between them, others with commas. @param {string} text */
function keyCaps(text) {
    const isKey = (piece) => !/^[a-z]/.test(piece);
    return text.split(", ").flatMap((piece, at, all) => [
        at === 0 ? "" : isKey(piece) && isKey(all[at - 1]) ? " " : ", ",
        isKey(piece) ? element("kbd", {}, piece) : piece,
    ]);
}

/** Creates the dialog. @param {HTMLElement} parent */
/** @param {HTMLElement} parent @param {number} tabs  how many the panel has */
export function helpDialog(parent, tabs) {
    const dialog = element("dialog", { className: "help", "aria-labelledby": "help-title" });
    const tables = KEYS.map(([title, keys]) =>
        element(
            "table",
            {},
            element("caption", {}, title),
            element(
                "tbody",
                {},
                ...keys.map(([key, what]) =>
                    element("tr", {}, element("th", { scope: "row" }, ...keyCaps(key === TABS ? `1 to ${tabs}` : key)), element("td", {}, what)),
                ),
            ),
        ),
    );
    const close = button("×", () => dialog.close(), { className: "close", "aria-label": "Close", autofocus: true });
    dialog.append(
        element("header", {}, element("h2", { id: "help-title" }, "Keys"), close),
        element("div", { className: "keys" }, ...tables),
    );
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    parent.append(dialog);
    return dialog;
}
