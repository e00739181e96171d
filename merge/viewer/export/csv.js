// Tables as CSV: RFC 4180, as in the .csv reports.

/** @param {string[]} headings @param {(string|number)[][]} rows @returns {string} */
export function csv(headings, rows) {
    return [headings, ...rows].map((row) => `${row.map(field).join(",")}\r\n`).join("");
}

/** Quotes a field if needed. */
function field(value) {
    const text = String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
