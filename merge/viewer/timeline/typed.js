// Times that the user types, and times as text that can be typed again.

import { localClock, zoneOf } from "./ruler.js";

const UNITS = { ns: 1, us: 1e3, µs: 1e3, μs: 1e3, ms: 1e6, s: 1e9, min: 60e9, h: 3600e9 };
const DURATION = /^(?:\d+(?:\.\d+)? *(?:ns|us|µs|μs|ms|s|min|h) *)+$/;
const CLOCK = /^(?:(\d{4})-(\d\d)-(\d\d)[ T]+)?(\d\d?):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?$/;
const DAY = 86400e9;

/**
 * Returns the time in a text, in nanoseconds since the report's zero: "12.5 ms", "1 min 16 s", "0", or a time of the
 * wall clock such as "15:41:26.5", with or without its date and its time zone. Returns null for other texts.
 * @param {string} text
 * @param {bigint|null} base  nanoseconds since 1970 at the report's zero, if they are known
 */
export function timeIn(text, base) {
    const plain = text.trim().replace(/(\d),(?=\d{3})/g, "$1");
    if (/^0+$/.test(plain)) {
        return 0;
    }
    if (DURATION.test(plain)) {
        const parts = plain.matchAll(/([\d.]+) *([^\d. ]+)/g);
        return Math.round(Array.from(parts, ([, number, unit]) => number * UNITS[unit]).reduce((a, b) => a + b));
    }
    const zone = zoneOf(base, 0);
    const local = zone !== "" && plain.endsWith(` ${zone}`) ? plain.slice(0, -zone.length).trim() : plain;
    const clock = base === null ? null : local.match(CLOCK);
    return clock ? timeOfClock(clock.slice(1), base) : null;
}

/** Without a date, it is the day of the report's zero, or the next one. */
function timeOfClock([year, month, day, hour, minute, second = 0, fraction = ""], base) {
    const zero = new Date(Number(base / 1_000_000n));
    const date = year === undefined ? [zero.getFullYear(), zero.getMonth(), zero.getDate()] : [+year, month - 1, +day];
    const at = new Date(...date, +hour, +minute, +second).getTime();
    const time = Number(BigInt(at) * 1_000_000n + BigInt(fraction.padEnd(9, "0")) - base);
    return year === undefined && time < 0 ? time + DAY : time;
}

/**
 * Returns a time as text with all its digits, which `timeIn` reads.
 * @param {number} time
 * @param {bigint|null} clock  nanoseconds since 1970 at the report's zero, for the wall clock; null for a duration
 */
export function typedText(time, clock) {
    if (clock !== null) {
        const nanoseconds = (clock + BigInt(Math.round(time))) % 1000n;
        return `${localClock(clock, time)}${String(nanoseconds).padStart(3, "0")}`;
    }
    const unit = ["s", "ms", "µs"].find((name) => time >= UNITS[name]) ?? "ns";
    const text = (time / UNITS[unit]).toFixed(Math.log10(UNITS[unit]));
    return `${text.includes(".") ? text.replace(/\.?0+$/, "") : text} ${unit}`;
}
