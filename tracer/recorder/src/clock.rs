//! The tick counter for every event, and the anchors that relate it to the machine's clocks.

mod counter;

use crate::system;
pub use crate::system::{monotonic, processor_time, thread_time};
use viztracer_format::clock::Anchor;
use viztracer_format::header::{CLOCK_COUNTER, CLOCK_MONOTONIC};

/// The tick counter of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// A counter of the processor that runs at one rate on all processors and never stops: see `clock::counter`.
    Counter,
    /// The monotonic clock of the system, in nanoseconds.
    Monotonic,
}

impl Clock {
    /// The processor's counter if it can be trusted, else the monotonic clock.
    pub fn detect() -> Clock {
        let is_steady = system::clock_source().is_some_and(|source| counter::is_steady(&source));
        if is_steady { Clock::Counter } else { Clock::Monotonic }
    }

    /// The number of this clock in a file's header.
    pub fn number(self) -> u32 {
        match self {
            Clock::Counter => CLOCK_COUNTER,
            Clock::Monotonic => CLOCK_MONOTONIC,
        }
    }

    /// The current tick count.
    #[inline(always)]
    pub fn now(self) -> u64 {
        match self {
            Clock::Counter => counter::read(),
            Clock::Monotonic => monotonic(),
        }
    }

    /// So many ticks, or fewer, are in this time, in ns.
    pub fn least_ticks(self, nanoseconds: u64) -> u64 {
        match self {
            Clock::Counter => counter::least_counts(nanoseconds),
            Clock::Monotonic => nanoseconds,
        }
    }

    /// The current time on all clocks: the best of a few tries, by the distance between its two tick readings.
    pub fn anchor(self) -> Anchor {
        let tries = (0..4).map(|_| {
            let before = self.now();
            let monotonic = monotonic();
            let after = self.now();
            let width = after.saturating_sub(before);
            (width, Anchor { ticks: before + width / 2, monotonic, realtime: system::realtime() })
        });
        let (_, anchor) = tries.min_by_key(|(width, _)| *width).unwrap_or_default();
        match self {
            Clock::Counter => anchor,
            Clock::Monotonic => Anchor { ticks: anchor.monotonic, ..anchor },
        }
    }
}

/// How much of one unit of time so much of another one is, of which `from` take as long as `to` of the first.
pub(crate) fn scaled(time: u64, to: u64, from: u64) -> u64 {
    u64::try_from(u128::from(time) * u128::from(to) / u128::from(from.max(1))).unwrap_or(u64::MAX)
}

/// One fixed rate between ticks and microseconds of the monotonic clock, so that a time that was given out leads back to
/// its ticks. The merge knows the rate better; this is for numbers that a program hands back.
///
/// Microseconds in an `f64`, as VizTracer has them, are exact to 2 ns when the system has been up for a hundred days, and
/// to 4 ns from two hundred days on.
#[derive(Clone, Copy, Debug)]
pub struct TickScale {
    origin: Anchor,
    nanoseconds_per_tick: f64,
}

impl TickScale {
    /// The rate between two anchors, of which the second is later.
    pub fn between(first: Anchor, second: Anchor) -> TickScale {
        let ticks = second.ticks.saturating_sub(first.ticks);
        let nanoseconds = second.monotonic.saturating_sub(first.monotonic);
        let is_known = ticks > 0 && nanoseconds > 0;
        TickScale {
            origin: second,
            nanoseconds_per_tick: if is_known { nanoseconds as f64 / ticks as f64 } else { 1.0 },
        }
    }

    /// The time at a tick count, in microseconds.
    pub fn microseconds(&self, ticks: u64) -> f64 {
        let passed = ticks.wrapping_sub(self.origin.ticks) as i64;
        (self.origin.monotonic as f64 + passed as f64 * self.nanoseconds_per_tick) / 1000.0
    }

    /// The tick count at a time in microseconds; the nearest one there is.
    pub fn ticks(&self, microseconds: f64) -> u64 {
        let passed = (microseconds * 1000.0 - self.origin.monotonic as f64) / self.nanoseconds_per_tick;
        i128::from(self.origin.ticks).saturating_add(passed.round() as i128).clamp(0, u64::MAX.into()) as u64
    }
}

/// When to take the next anchor: soon at first, so that a process killed early has two, then once a second.
#[derive(Clone, Copy, Debug)]
pub struct AnchorSchedule {
    newest: Anchor,
    opened: Anchor,
}

/// The longest time between two anchors while segments change, in ns.
const ANCHOR_PERIOD: u64 = 1_000_000_000;

impl AnchorSchedule {
    /// The schedule of a file that was opened at this anchor.
    pub fn new(opened: Anchor) -> AnchorSchedule {
        AnchorSchedule { newest: opened, opened }
    }

    /// The newest anchor, a fresh one if it is time: when the age of the file has doubled, or a second has passed.
    pub fn anchor(&mut self, clock: Clock) -> Anchor {
        let now = monotonic();
        let age = self.newest.monotonic - self.opened.monotonic;
        if now.saturating_sub(self.newest.monotonic) >= age.clamp(1_000_000, ANCHOR_PERIOD) {
            self.newest = clock.anchor();
        }
        self.newest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_go_forward_on_every_clock() {
        let clock = Clock::detect();
        let (a, b) = (clock.anchor(), clock.anchor());
        assert!(b.ticks > a.ticks && b.monotonic > a.monotonic && b.realtime > 1_600_000_000_000_000_000);
    }

    #[test]
    fn a_time_that_was_given_out_leads_back_to_its_ticks() {
        let anchor = |ticks, monotonic| Anchor { ticks, monotonic, realtime: 0 };
        let scale = TickScale::between(anchor(2_500_000, 1_000_000), anchor(5_000_000, 2_000_000));
        assert_eq!(scale.microseconds(5_002_500), 2001.0);
        for ticks in [0, 1, 4_999_999, 5_000_000, 5_000_001, 1 << 40] {
            assert_eq!(scale.ticks(scale.microseconds(ticks)), ticks);
        }
        for wrong in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1e300] {
            scale.ticks(wrong);
        }
        assert_eq!(TickScale::between(anchor(7, 7), anchor(7, 7)).microseconds(1007), 1.007);
    }

    /// As `f64` has 53 bits, and microseconds need ten of them for nanoseconds, these begin to be rounded after 101 days.
    #[test]
    fn a_time_leads_back_to_its_ticks_after_a_year_to_a_few_nanoseconds() {
        let year = 365 * 86_400_000_000_000;
        for (days, error) in [(100, 1), (200, 2), (365, 4)] {
            let now = year / 365 * days;
            let second = Anchor { ticks: 3 * now, monotonic: now, realtime: 0 };
            let first = Anchor { ticks: second.ticks - 300_000, monotonic: now - 100_000, realtime: 0 };
            let scale = TickScale::between(first, second);
            let times: Vec<u64> = (0..1000).map(|step| second.ticks + 37 * step).collect();
            for ticks in &times {
                assert!(scale.ticks(scale.microseconds(*ticks)).abs_diff(*ticks) <= 3 * error, "after {days} days");
            }
            assert!(times.is_sorted_by_key(|ticks| scale.ticks(scale.microseconds(*ticks))));
        }
    }

    #[test]
    fn the_monotonic_clock_is_its_own_tick() {
        let anchor = Clock::Monotonic.anchor();
        assert_eq!(anchor.ticks, anchor.monotonic);
    }
}
