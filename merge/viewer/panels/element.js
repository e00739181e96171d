// Creates elements. Text in them is never HTML.

/**
 * Creates an element with properties, attributes (with a "-" or in the list below) and children.
 * @param {string} tag
 * @param {Record<string, unknown>} properties  undefined ones are left out
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

/** Creates a button. @param {string|Node} text @param {() => void} act */
export function button(text, act, properties = {}) {
    return element("button", { type: "button", onclick: act, ...properties }, text);
}

/**
 * Creates a function's name and source location. Each is isolated, so that characters that change the writing
 * direction have no effect outside of it.
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
