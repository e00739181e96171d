// The panel's tabs: arrow keys move between them, as in ARIA.

import { button, element } from "./element.js";

export class Tabs {
    /**
     * @param {HTMLElement} list   becomes the list of tabs
     * @param {HTMLElement} panes
     * @param {{key: string, title: string, content: HTMLElement, opened?: () => void}[]} tabs
     * @param {() => void} changed
     */
    constructor(list, panes, tabs, changed) {
        this.tabs = tabs.map((tab) => ({ ...tab, ...makeTab(tab, () => this.open(tab.key)) }));
        this.changed = changed;
        this.current = null;
        list.setAttribute("role", "tablist");
        list.setAttribute("aria-label", "Panel");
        list.append(...this.tabs.map(({ tab }) => tab));
        panes.append(...this.tabs.map(({ pane }) => pane));
        list.addEventListener("keydown", (event) => this.#key(event));
        this.#show(this.tabs[0]);
        this.close();
    }

    /** No tab is open any more. The last one keeps its place for Tab. */
    close() {
        this.tabs.forEach(({ tab }) => tab.setAttribute("aria-selected", "false"));
    }

    /** Returns whether a tab exists. @param {string} key */
    has(key) {
        return this.tabs.some((tab) => tab.key === key);
    }

    /** Opens a tab. An unknown key changes nothing. @param {string} key */
    open(key) {
        const found = this.tabs.find((tab) => tab.key === key);
        if (!found) {
            return;
        }
        this.#show(found);
        found.opened?.();
        this.changed();
    }

    /** Shows a sentence instead of the content of a tab; "" shows the content. @param {string} key */
    replace(key, sentence) {
        const { content, pane } = this.tabs.find((tab) => tab.key === key);
        pane.querySelector(":scope > .instead")?.remove();
        content.hidden = sentence !== "";
        if (sentence !== "") {
            pane.append(element("p", { className: "instead" }, sentence));
        }
    }

    #show(found) {
        this.current = found.key;
        for (const { tab, pane } of this.tabs) {
            const isOpen = tab === found.tab;
            tab.setAttribute("aria-selected", String(isOpen));
            tab.tabIndex = isOpen ? 0 : -1;
            pane.hidden = !isOpen;
        }
    }

    #key(event) {
        const at = this.tabs.findIndex(({ key }) => key === this.current);
        const last = this.tabs.length - 1;
        const to = { ArrowLeft: at === 0 ? last : at - 1, ArrowRight: at === last ? 0 : at + 1, Home: 0, End: last }[
            event.key
        ];
        if (to !== undefined) {
            event.preventDefault();
            event.stopPropagation();
            this.open(this.tabs[to].key);
            this.tabs[to].tab.focus();
        }
    }
}

function makeTab({ key, title, content }, open) {
    const tab = button(title, open, { id: `tab-${key}`, role: "tab", "aria-controls": `pane-${key}` });
    const pane = element("div", {
        id: `pane-${key}`,
        className: "pane",
        role: "tabpanel",
        "aria-labelledby": tab.id,
        tabIndex: 0,
    });
    pane.append(content);
    return { tab, pane };
}
