//! Durations and moments as people read them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const SECOND: u64 = 1_000_000_000;
const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// `950 ns`, `12.345 us`, `12.345 ms`, `12.345 s`, `12 min 5 s`, `3 h 12 min`, `5 d 3 h`.
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

/// How long ago a moment is, in whole units.
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

/// Nanoseconds since 1970; 0 for what is before.
pub fn nanoseconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).ok().and_then(|since| u64::try_from(since.as_nanos()).ok()).unwrap_or(0)
}

/// Nanoseconds since 1970 as `2026-11-22 11:23:20.123 UTC`.
pub fn utc(realtime: u64) -> String {
    let text = humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_nanos(realtime)).to_string();
    text.replace('T', " ").replace('Z', " UTC")
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
        utc(u64::MAX);
    }
}
