// Checks values of a header: returns a value of the wanted type, or an empty one.

export const list = (value) => (Array.isArray(value) ? value : []);
export const number = (value) => (Number.isFinite(value) ? value : 0);
export const string = (value) => (typeof value === "string" ? value : "");
