//! The times that a program is given and gives back, in microseconds of the monotonic clock.

use std::sync::OnceLock;
use viztracer_format::clock::Anchor;
use viztracer_recorder::clock::{Clock, TickScale};

/// The clock, the time of its first use here, and the rate between ticks and microseconds. The rate stays the same, so
/// that every time that was given out leads back to its ticks.
static SCALE: OnceLock<(Clock, Anchor, TickScale)> = OnceLock::new();

fn of(imported: Anchor) -> &'static (Clock, Anchor, TickScale) {
    SCALE.get_or_init(|| {
        let clock = Clock::detect();
        let now = clock.anchor();
        (clock, now, TickScale::between(imported, now))
    })
}

/// The scale of this process; `imported` is the anchor of the extension's import.
pub fn scale(imported: Anchor) -> TickScale {
    of(imported).2
}

/// The scale from now on, with the rate since the import: exact for times that are not long ago.
pub fn from_now(imported: Anchor) -> TickScale {
    TickScale::between(imported, of(imported).0.anchor())
}

/// The current time in microseconds.
pub fn now(imported: Anchor) -> f64 {
    let (clock, _, scale) = of(imported);
    scale.microseconds(clock.now())
}

/// Nanoseconds from the zero of the monotonic clock to that of the wall clock.
pub fn base_time(imported: Anchor) -> i64 {
    let (_, anchor, _) = of(imported);
    anchor.realtime.wrapping_sub(anchor.monotonic) as i64
}
