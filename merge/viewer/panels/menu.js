// A menu of the toolbar: it closes when the focus leaves it, and on Escape.

import { element } from "./element.js";

/** Creates a menu. @param {string} title @param {...(Node|string)} content @returns {HTMLDetailsElement} */
export function menuOf(title, ...content) {
    const summary = element("summary", {}, title);
    const menu = element(
        "details",
        { className: "menu" },
        summary,
        element("div", { role: "group", "aria-label": title, tabIndex: -1 }, ...content),
    );
    menu.addEventListener("keydown", (event) => {
        if (event.key === "Escape" && menu.open) {
            event.stopPropagation();
            menu.open = false;
            summary.focus();
        }
    });
    menu.addEventListener("focusout", ({ relatedTarget }) => {
        if (!menu.contains(relatedTarget)) {
            menu.open = false;
        }
    });
    return menu;
}
