// What a header holds, whatever it holds: values of the kind that is wanted, or nothing.

export const list = (value) => (Array.isArray(value) ? value : []);
export const number = (value) => (Number.isFinite(value) ? value : 0);
export const string = (value) => (typeof value === "string" ? value : "");
