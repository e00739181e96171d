// Downloads from the page.

/** Offers a file to be saved. @param {Blob} blob @param {string} name */
export function download(blob, name) {
    const url = URL.createObjectURL(blob);
    const link = document.createElement("a");
    link.href = url;
    link.download = name;
    link.click();
    // The browser reads the file after this turn. It keeps a file that it has begun to read.
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/**
 * Returns a name for files of a report: its title without characters that file systems forbid.
 * @param {string} title
 */
export function fileName(title) {
    const stem = title
        .replace(/\.(html|json|gz|bin)$/gi, "")
        .replace(/[^\p{L}\p{N}._-]+/gu, "_")
        .replace(/^[._]+|_+$/g, "");
    return stem.slice(0, 80) || "trace";
}
