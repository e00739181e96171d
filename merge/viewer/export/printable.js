// Text on one line without characters that act instead of being seen, as viztracer-merge prints it.

const HIDDEN =
    /[\p{Cc}\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;
const SHORT = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** Escapes such characters as in Python: "\n", "\x1b", "\u202e". @param {string} text */
export function printable(text) {
    return text.replace(HIDDEN, (character) => {
        const code = character.codePointAt(0);
        const hex = (digits) => code.toString(16).padStart(digits, "0");
        return SHORT[character] ?? (code < 0x100 ? `\\x${hex(2)}` : code < 0x10000 ? `\\u${hex(4)}` : `\\U${hex(8)}`);
    });
}
