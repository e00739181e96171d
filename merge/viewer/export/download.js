// Files out of the page.

/** Offers a file to be saved. @param {Blob} blob @param {string} name */
export function download(blob, name) {
    const url = URL.createObjectURL(blob);
    const link = document.createElement("a");
    link.href = url;
    link.download = name;
    link.click();
    // The browser reads it after this turn; it keeps what it has begun to read.
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** A name for files of a report: its title without what file systems mind. @param {string} title */
export function fileName(title) {
    const stem = title
        .replace(/\.(html|json|gz|bin)$/gi, "")
        .replace(/[^\p{L}\p{N}._-]+/gu, "_")
        .replace(/^[._]+|_+$/g, "");
    return stem.slice(0, 80) || "trace";
}
