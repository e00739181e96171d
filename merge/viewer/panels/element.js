// Elements. Whatever is put into one as text stays text.

/**
 * An element with properties, attributes (with a "-" or in the list below) and children.
 * @param {string} tag
 * @param {Record<string, unknown>} properties  what is undefined is left out
 * @param {...(Node|string)} children
 */
export function element(tag, properties = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
        if (value === undefined) {
            continue;
        }
        if (name.includes("-") || name === "role" || name === "scope" || name === "colspan") {
            made.setAttribute(name, String(value));
        } else if (name.startsWith("on")) {
            made.addEventListener(name.slice(2), value);
        } else {
            made[name] = value;
        }
    }
    made.append(...children);
    return made;
}

/** A button. @param {string|Node} text @param {() => void} act */
export function button(text, act, properties = {}) {
    return element("button", { type: "button", onclick: act, ...properties }, text);
}

/**
 * A function's name and place. Each stands for itself: characters in a name that turn the direction of writing turn
 * nothing behind it.
 * @param {import("../data/model.js").Functions} functions @param {number} of
 */
export function labelOf(functions, of) {
    const file = functions.file(of);
    const place = file === "" ? [] : [" (", element("bdi", {}, `${file}:${functions.line(of)}`), ")"];
    return element("span", {}, element("bdi", {}, functions.name(of)), ...place);
}

/** "1,234" */
export function grouped(number) {
    return Math.round(number).toLocaleString("en");
}

/** "1 call", "1,234 calls" */
export function counted(number, what) {
    return `${grouped(number)} ${what}${number === 1 ? "" : "s"}`;
}
