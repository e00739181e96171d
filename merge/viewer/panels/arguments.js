// The arguments of a call and what it returned, as text.

/** Largest number of characters in one line. */
const LINE = 200;

/**
 * Returns arguments, return value and other members, formatted.
 * @param {string} text  JSON
 * @param {(value: unknown) => string} format
 * @returns {[string, string][]}
 */
export function sections(text, format = pretty) {
    const value = parsed(text);
    if (value === null || typeof value !== "object" || Array.isArray(value)) {
        return [["arguments", format(value)]];
    }
    const { func_args: args, return_value: returned, ...rest } = value;
    return [
        ["arguments", args],
        ["returned", returned],
        [args === undefined ? "arguments" : "more", Object.keys(rest).length > 0 ? rest : undefined],
    ]
        .filter(([, part]) => part !== undefined)
        .map(([title, part]) => [title, format(part)]);
}

/** Returns the same in one line, cut if it is long: "x = 3, n = 4 → None". @param {string} text  JSON */
export function inLine(text) {
    const clean = plainText(text);
    return clean.length > LINE ? `${clean.slice(0, LINE)} …` : clean;
}

/** Returns all of it in one line. @param {string} text  JSON */
export function plainText(text) {
    const parts = sections(text, (value) => formatted(value, ", ", 0));
    const line = parts.map(([title, part]) => (title === "returned" ? `→ ${part}` : part)).join(" ");
    return line.replace(/\s+/g, " ");
}

/** Parses JSON. Text that is not JSON stays text. @param {string} text */
export function parsed(text) {
    try {
        return JSON.parse(text);
    } catch {
        return text;
    }
}

/** Formats a value, on several lines if it has several parts. */
export function pretty(value) {
    return formatted(value, "\n", 2);
}

/** Texts are representations of values in the traced program. */
function formatted(value, separator, indent) {
    if (typeof value === "string") {
        return value;
    }
    const isFlat =
        value !== null &&
        typeof value === "object" &&
        !Array.isArray(value) &&
        Object.values(value).every((part) => typeof part !== "object" || part === null);
    return isFlat
        ? Object.entries(value)
              .map(([name, part]) => `${name} = ${part}`)
              .join(separator)
        : JSON.stringify(value, null, indent);
}
