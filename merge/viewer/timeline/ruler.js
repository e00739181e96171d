// Times as text, and the lines of the ruler.

const UNITS = [["ns", 1], ["µs", 1e3], ["ms", 1e6], ["s", 1e9], ["min", 60e9], ["h", 3600e9]];

/** Intervals between lines, in nanoseconds: 1, 2, 5 and their multiples of ten up to a second, then those of clocks. */
const STEPS = [
    ...Array.from({ length: 30 }, (_, i) => [1, 2, 5][i % 3] * 10 ** Math.floor(i / 3)).filter((step) => step <= 5e9),
    ...[10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400].map((seconds) => seconds * 1e9),
];

/** Formats a duration with at most four digits and a unit, as "1.234 ms"; further digits are cut, as in `--top`. @param {number} time */
export function timeText(time) {
    if (time < 0) {
        return `-${timeText(-time)}`;
    }
    if (time >= 60e9) {
        return clockText(time, 1e9);
    }
    const [unit, size] = UNITS.findLast(([, least], i) => i < 4 && time >= least) ?? UNITS[0];
    const digits = unit === "ns" ? 0 : time < 10 * size ? 3 : time < 100 * size ? 2 : 1;
    return `${(Math.floor(time / (size / 10 ** digits)) / 10 ** digits).toFixed(digits)} ${unit}`;
}

/**
 * Formats a moment, with as many digits as tell it from another moment, but at least about four.
 * @param {number} time @param {number} apart  how far the other one is away
 */
export function momentText(time, apart) {
    const step = 10 ** Math.floor(Math.log10(Math.max(apart, 1)));
    const rough = time >= 60e9 ? 1e6 : 10 ** Math.max(Math.floor(Math.log10(Math.max(Math.abs(time), 1))) - 3, 0);
    return lineText(time, Math.min(step, rough));
}

/** Returns how far a moment is away from those before and after it. @param {(at: number) => number} timeOf by index */
export function apartFrom(timeOf, at, count) {
    const others = [at - 1, at + 1].filter((other) => other >= 0 && other < count);
    const away = others.map((other) => Math.abs(timeOf(other) - timeOf(at))).filter((time) => time > 0);
    return Math.min(...away, Infinity);
}

/** Formats a duration exactly, as "1,234,567 ns". @param {number} time */
export function exactText(time) {
    return `${Math.round(time).toLocaleString("en")} ns`;
}

/** Formats hours, minutes and seconds, as precisely as the interval needs. */
function clockText(time, step) {
    const seconds = Math.floor(time / 1e9);
    const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
    const parts = [hours && `${hours} h`, minutes && `${minutes} min`, (rest && step < 60e9) && `${rest} s`];
    return parts.filter(Boolean).join(" ") || "0 s";
}

/** Returns the smallest interval that is not less than a number of nanoseconds. @param {number} least */
export function stepFor(least) {
    return STEPS.find((step) => step >= least) ?? Math.ceil(least / 86400e9) * 86400e9;
}

/** Returns a line's text, with the digits that the interval needs. @param {number} time @param {number} step */
export function lineText(time, step) {
    if (time === 0) {
        return "0";
    }
    if (Math.abs(time) >= 60e9 && step >= 1e9) {
        return time < 0 ? `-${clockText(-time, step)}` : clockText(time, step);
    }
    const [unit, size] = UNITS.findLast(([, least], i) => i < 4 && Math.abs(time) >= least) ?? UNITS[0];
    const digits = Math.max(0, Math.ceil(Math.log10(size / step) - 1e-9));
    return `${(Math.round(time / (size / 10 ** digits)) / 10 ** digits).toFixed(digits)} ${unit}`;
}

/**
 * Returns the lines of a view.
 * @param {{from: number, to: number, scale: number}} view
 * @param {number} apart  least pixels between two lines
 * @returns {{step: number, times: number[]}}
 */
export function lines({ from, to, scale }, apart = 110) {
    const step = stepFor(Math.max(1, scale * apart));
    const first = Math.ceil(Math.max(from, 0) / step);
    const times = [];
    for (let at = first; at * step <= to; at += 1) {
        times.push(at * step);
    }
    return { step, times };
}

/**
 * Returns the wall clock at a time, with its time zone: "2026-11-22 15:41:26.123456 UTC+1".
 * @param {bigint|null} base  nanoseconds since 1970
 */
export function wallClock(base, time) {
    const text = localClock(base, time);
    const date = text === "" ? null : new Date(Number((base + BigInt(Math.round(time))) / 1_000_000n));
    return date === null ? "" : `${text} ${zoneText(-date.getTimezoneOffset())}`;
}

/** Returns the wall clock at a time without its time zone. @param {bigint|null} base  nanoseconds since 1970 */
export function localClock(base, time) {
    if (base === null) {
        return "";
    }
    const nanoseconds = base + BigInt(Math.round(time));
    const date = new Date(Number(nanoseconds / 1_000_000n));
    if (Number.isNaN(date.getTime())) {
        return "";
    }
    const two = (number) => String(number).padStart(2, "0");
    const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
    const micros = String((nanoseconds / 1000n) % 1_000_000n).padStart(6, "0");
    const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${micros}`;
    return `${day} ${clock}`;
}

/** Formats the difference of a time zone from UTC, as "UTC+5:30". @param {number} minutes */
export function zoneText(minutes) {
    const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
    const more = rest === 0 ? "" : `:${String(rest).padStart(2, "0")}`;
    return minutes === 0 ? "UTC" : `UTC${minutes < 0 ? "−" : "+"}${hours}${more}`;
}

/** Returns the time zone of the wall clock at a time. */
export function zoneOf(base, time) {
    return wallClock(base, time).split(" ")[2] ?? "";
}

/** Returns a line's text by the wall clock: the time of day, with the digits that the interval needs. */
export function clockLine(base, time, step) {
    const text = wallClock(base, time).slice(11);
    const digits = Math.max(0, Math.ceil(9 - Math.log10(step) - 1e-9));
    return digits === 0 ? text.slice(0, 8) : text.slice(0, 9 + Math.min(digits, 6));
}
