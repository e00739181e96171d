// The kinds of functions that can be hidden together. A report knows of a function only its name and the path of its
// source, so both decide.

/** By kind: its bit. */
export const KINDS = { imports: 1, c: 2, library: 4, installed: 8 };

/** Directories of installed packages. */
const PACKAGES = new Set(["site-packages", "dist-packages"]);
/** Functions of C that import modules. */
const IMPORTS = /^(_imp\.|builtins\.__import__$)/;

/**
 * Returns the kinds of each function, as a sum of bits.
 * @param {import("./model.js").Functions} functions @returns {Uint8Array}
 */
export function kindsOf(functions) {
    const byFile = functions.files.map(kindsOfFile);
    return Uint8Array.from({ length: functions.count }, (_, of) => {
        if (of === functions.overwritten || functions.isSpan(of)) {
            return 0;
        }
        if (functions.file(of) === "") {
            return KINDS.c | (IMPORTS.test(functions.name(of)) ? KINDS.imports : 0);
        }
        return byFile[functions.fileOf[of]];
    });
}

/**
 * Returns the kinds of the functions of a source file. The last directory that says so decides: "site-packages" and
 * "dist-packages" have installed packages, and "lib/python3.12" has the standard library.
 * @param {string} path
 */
export function kindsOfFile(path) {
    if (path.startsWith("<frozen ")) {
        return KINDS.imports | KINDS.library;
    }
    let kinds = 0;
    path.split("/").slice(0, -1).forEach((name, at, names) => {
        if (PACKAGES.has(name)) {
            kinds = KINDS.installed;
        } else if (/^python3\.\d/.test(name) && /^lib/.test(names[at - 1] ?? "")) {
            kinds = KINDS.library | (names[at + 1] === "importlib" ? KINDS.imports : 0);
        }
    });
    return kinds;
}
