// The keys, on "?".

import { button, element } from "./element.js";

const KEYS = [
    [
        "In the timeline",
        [
            ["W, + / S, −", "zoom in / out"],
            ["wheel with Ctrl, pinch", "zoom at the pointer"],
            ["A, ← / D, →", "move left / right"],
            ["↑ / ↓, Page Up / Down", "scroll"],
            ["F, Enter", "fit the selection or range"],
            ["0, Home", "show all"],
            ["H / L, Alt+← / →", "call before / after on the track"],
            ["K / J, Alt+↑ / ↓", "caller / first callee"],
            ["[ / ]", "track above / below"],
            [", / .", "instant, snapshot or sample before / after"],
            ["drag on the ruler, Shift+drag", "a range, and how long it is"],
            ["click, double click", "select a call, zoom to it"],
            ["Escape", "take range and selection away"],
        ],
    ],
    [
        "Everywhere",
        [
            ["/", "search"],
            ["Enter / Shift+Enter, Escape", "in the search: next / previous hit, no search"],
            ["1 … 6", "open a tab of the panel"],
            ["Tab", "go on to the next part"],
            ["Escape in the panel", "back to the timeline"],
            ["?", "this help"],
        ],
    ],
    [
        "In flame graphs",
        [
            ["← → ↑ ↓", "go from frame to frame"],
            ["Enter, click", "zoom into the frame"],
            ["Backspace, Escape", "zoom out by one, to all"],
        ],
    ],
];

/** The dialog. @param {HTMLElement} parent */
export function helpDialog(parent) {
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
                    element("tr", {}, element("th", { scope: "row" }, key), element("td", {}, what)),
                ),
            ),
        ),
    );
    const close = button("Close", () => dialog.close(), { autofocus: true });
    dialog.append(element("h2", { id: "help-title" }, "Keys"), element("div", { className: "keys" }, ...tables), close);
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    parent.append(dialog);
    return dialog;
}
