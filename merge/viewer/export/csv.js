// Tables as text: RFC 4180, as the program's own .csv.

/** @param {string[]} headings @param {(string|number)[][]} rows @returns {string} */
export function csv(headings, rows) {
    return [headings, ...rows].map((row) => `${row.map(field).join(",")}\r\n`).join("");
}

/** In quotes where it would not be one field otherwise. */
function field(value) {
    const text = String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
