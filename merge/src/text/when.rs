//! Durations and times of the wall clock as people read and write them.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, SpanRelativeTo, Timestamp};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What is said of a time below 0.
pub const NEGATIVE: &str = "a time is not negative";

const SECOND: u64 = 1_000_000_000;
const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A duration as `950 ns`, `12.345 us`, `12.345 ms`, `12.345 s`, `12 min 5 s`, `3 h 12 min`, `5 d 3 h`.
pub fn duration(nanoseconds: u64) -> String {
    let seconds = nanoseconds / SECOND;
    let decimal = |unit: u64, name| format!("{}.{:03} {name}", nanoseconds / unit, nanoseconds % unit / (unit / 1000));
    match nanoseconds {
        0..1000 => format!("{nanoseconds} ns"),
        1000..1_000_000 => decimal(1000, "us"),
        1_000_000..SECOND => decimal(1_000_000, "ms"),
        _ if seconds < MINUTE => decimal(SECOND, "s"),
        _ => long(seconds),
    }
}

/// A time on a time line: like a duration, but always with milliseconds, such as `3 h 12 min 5.678 s`.
pub fn moment(nanoseconds: u64) -> String {
    let (minutes, rest) = (nanoseconds / SECOND / MINUTE, nanoseconds % (SECOND * MINUTE));
    match (minutes / 60, minutes % 60) {
        (0, 0) => duration(nanoseconds),
        (0, minutes) => format!("{minutes} min {}.{:03} s", rest / SECOND, rest % SECOND / 1_000_000),
        (hours, minutes) => format!("{hours} h {minutes} min {}.{:03} s", rest / SECOND, rest % SECOND / 1_000_000),
    }
}

/// How long ago a time of the wall clock is, in whole units, such as `3 h 12 min ago`.
pub fn ago(realtime: u64) -> String {
    let seconds = now().saturating_sub(realtime) / SECOND;
    if seconds < MINUTE { format!("{seconds} s ago") } else { format!("{} ago", long(seconds)) }
}

fn long(seconds: u64) -> String {
    match seconds {
        0..HOUR => format!("{} min {} s", seconds / MINUTE, seconds % MINUTE),
        HOUR..DAY => format!("{} h {} min", seconds / HOUR, seconds % HOUR / MINUTE),
        _ => format!("{} d {} h", seconds / DAY, seconds % DAY / HOUR),
    }
}

/// Nanoseconds since 1970 by the wall clock.
pub fn now() -> u64 {
    nanoseconds(SystemTime::now())
}

/// Nanoseconds since 1970; 0 for earlier times.
pub fn nanoseconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).ok().and_then(|since| u64::try_from(since.as_nanos()).ok()).unwrap_or(0)
}

/// Nanoseconds since 1970 as `2026-11-22 11:23:20.123 UTC`.
pub fn utc(realtime: u64) -> String {
    format!("{:.3}", timestamp(realtime)).replace('T', " ").replace('Z', " UTC")
}

/// Nanoseconds since 1970 as `2026-11-22T11:23:20.123456789Z` (RFC 3339).
pub fn rfc3339(realtime: u64) -> String {
    format!("{:.9}", timestamp(realtime))
}

fn timestamp(realtime: u64) -> Timestamp {
    // The largest number is a time of the year 2554, and the type reaches to 9999.
    Timestamp::from_nanosecond(realtime.into()).unwrap_or(Timestamp::MAX)
}

/// Parses a duration with units, such as `1s 500ms`, `1.5s`, `10us` or `2d`; a day has 24 hours.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    if text.starts_with('-') {
        return Err(NEGATIVE.to_owned());
    }
    let parse = || Duration::try_from(text.parse::<Span>()?.to_duration(SpanRelativeTo::days_are_24_hours())?);
    parse().map_err(|_: jiff::Error| format!("{text:?} is not a duration, such as 5s, 300ms or 10us"))
}

/// Parses a time of the wall clock, such as `2026-11-22T11:23:20Z`, into nanoseconds since 1970: a `SystemTime` counts in
/// steps of 100 ns on some systems. Without a time zone it is in UTC. `None` if it is no such time, or before 1970.
pub fn parse_time(text: &str) -> Option<u64> {
    let in_utc = || TimeZone::UTC.to_timestamp(text.parse::<DateTime>()?);
    let time = text.parse::<Timestamp>().or_else(|_| in_utc()).ok()?;
    let since = Duration::try_from(time.as_duration()).ok()?;
    Some(u64::try_from(since.as_nanos()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_at_the_boundaries() {
        let minute = MINUTE * SECOND;
        for (nanoseconds, text) in [
            (0, "0 ns"),
            (999, "999 ns"),
            (1000, "1.000 us"),
            (999_999, "999.999 us"),
            (1_234_567, "1.234 ms"),
            (999_999_999, "999.999 ms"),
            (SECOND, "1.000 s"),
            (minute - 1, "59.999 s"),
            (minute, "1 min 0 s"),
            (60 * minute, "1 h 0 min"),
            (24 * 60 * minute, "1 d 0 h"),
        ] {
            assert_eq!(duration(nanoseconds), text);
        }
        assert!(duration(u64::MAX).ends_with(" h"));
    }

    #[test]
    fn times_on_a_time_line_at_the_boundaries() {
        for (nanoseconds, text) in [
            (MINUTE * SECOND - 1, "59.999 s"),
            (MINUTE * SECOND + 5_678_000_000, "1 min 5.678 s"),
            (HOUR * SECOND - 1, "59 min 59.999 s"),
            (30 * HOUR * SECOND + 1_000_000, "30 h 0 min 0.001 s"),
        ] {
            assert_eq!(moment(nanoseconds), text);
        }
    }

    #[test]
    fn dates_around_leap_days() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00:00.000 UTC"),
            (951_782_399, "2000-02-28 23:59:59.000 UTC"),
            (951_782_400, "2000-02-29 00:00:00.000 UTC"),
            (951_868_800, "2000-03-01 00:00:00.000 UTC"),
            (1_798_761_599, "2026-12-31 23:59:59.000 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00.000 UTC"),
        ] {
            assert_eq!(utc(seconds * SECOND), text);
        }
        assert_eq!(utc(1_500_000), "1970-01-01 00:00:00.001 UTC");
        assert_eq!(utc(1_999_999), "1970-01-01 00:00:00.001 UTC");
        assert_eq!(utc(u64::MAX), "2554-07-21 23:34:33.709 UTC");
        assert_eq!(rfc3339(u64::MAX), "2554-07-21T23:34:33.709551615Z");
    }

    #[test]
    fn durations_as_they_are_typed() {
        let parsed = |text| parse_duration(text).ok();
        for (text, nanoseconds) in [
            ("0s", 0),
            ("300ms", 300_000_000),
            ("10us", 10_000),
            ("10µs", 10_000),
            ("1s 5ns", 1_000_000_005),
            ("1.5s", 1_500_000_000),
            ("2min", 120 * SECOND),
            ("2m", 120 * SECOND),
            ("1h 1m", 61 * MINUTE * SECOND),
            ("1d", DAY * SECOND),
            ("9000000000000000000ns", 9_000_000_000_000_000_000),
        ] {
            assert_eq!(parsed(text), Some(Duration::from_nanos(nanoseconds)), "{text}");
        }
        for text in ["", "5", "s", "-5s", "5s ago", "soon", "1.5", "5 parsecs"] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }

    #[test]
    fn times_of_the_wall_clock_as_they_are_typed() {
        let parsed = parse_time;
        for text in ["2000-02-29T00:00:00.5", "2000-02-29 00:00:00.5Z", "2000-02-29T01:00:00.5+01:00"] {
            assert_eq!(parsed(text), Some(951_782_400 * SECOND + SECOND / 2), "{text}");
        }
        assert_eq!(parsed("2000-02-29"), Some(951_782_400 * SECOND));
        for text in ["", "yesterday", "2000-02-30T00:00:00", "1969-12-31T23:59:59Z", "11:23:20"] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }
}
