//! The clock of a file: ticks to nanoseconds of the report.

use super::fit::Fit;
use crate::plan::file::FilePlan;
use viztracer_format::clock::{TickCursor, TickMap};

/// Converts a file's ticks into nanoseconds of the report.
#[derive(Clone, Debug)]
pub struct Clock {
    map: TickMap,
    shift: i64,
    /// How the file's monotonic clock drifts against the report's. The map has it, too.
    fit: Fit,
}

impl Clock {
    /// Makes a clock that shows `shift` ns more than the map, of a file that drifts as the fit says.
    pub fn new(map: TickMap, shift: i64, fit: Fit) -> Clock {
        Clock { map, shift, fit }
    }

    /// The start in nanoseconds since the report's base, and the duration in nanoseconds. Start and end are mapped each
    /// for itself and subtracted, so that calls inside each other stay inside each other. What is before the base (a
    /// frame inherited by `fork`, or a nanosecond of rounding) is cut: Perfetto drops events with negative times.
    #[inline]
    pub fn span(&self, start: u64, duration: u64) -> (u64, u64) {
        let begin = self.at(start);
        (begin, self.at(start.saturating_add(duration)).saturating_sub(begin))
    }

    /// Nanoseconds since the report's base, 0 for what is before it.
    #[inline]
    pub fn at(&self, ticks: u64) -> u64 {
        self.signed(ticks).max(0) as u64
    }

    /// A clock for many times in a row, which is faster than [`Clock::span`] if they are near each other.
    pub fn cursor(&self) -> ClockCursor<'_> {
        ClockCursor { map: self.map.cursor(), shift: self.shift }
    }

    /// Nanoseconds since the report's base, or before it, at a time of the file's monotonic clock.
    pub fn of_monotonic(&self, time: i64, file: &FilePlan) -> i64 {
        self.fit.drifted(time).wrapping_sub(file.monotonic_at_tick_0()).wrapping_add(self.shift)
    }

    /// Nanoseconds since the report's base, or before it, at these ticks.
    #[inline]
    pub fn signed(&self, ticks: u64) -> i64 {
        (self.map.nanoseconds(ticks) as i64).wrapping_add(self.shift)
    }

    /// Realtime of the file's newest event in ns since 1970, by the newest anchor; 0 if that has no realtime.
    pub fn last_realtime(&self, plan: &FilePlan) -> u64 {
        let Some(anchor) = plan.anchors.last().filter(|anchor| anchor.realtime != 0) else { return 0 };
        let (_, since) = self.span(anchor.ticks, plan.last_moment.saturating_sub(anchor.ticks));
        anchor.realtime.saturating_add(since)
    }
}

/// Converts ticks into times.
pub trait Times {
    /// The time at the ticks `start`, and what `duration` ticks take from then on.
    fn span(&mut self, start: u64, duration: u64) -> (u64, u64);
}

/// Leaves ticks as they are, where only the order of events matters.
#[derive(Clone, Copy, Debug)]
pub struct Ticks;

impl Times for Ticks {
    #[inline]
    fn span(&mut self, start: u64, duration: u64) -> (u64, u64) {
        (start, start.saturating_add(duration) - start)
    }
}

/// A clock that remembers where in its map the last time was.
#[derive(Clone, Debug)]
pub struct ClockCursor<'a> {
    map: TickCursor<'a>,
    shift: i64,
}

impl Times for ClockCursor<'_> {
    #[inline(always)]
    fn span(&mut self, start: u64, duration: u64) -> (u64, u64) {
        let begin = self.at(start);
        (begin, self.at(start.saturating_add(duration)).saturating_sub(begin))
    }
}

impl ClockCursor<'_> {
    #[inline]
    fn at(&mut self, ticks: u64) -> u64 {
        (self.map.nanoseconds(ticks) as i64).wrapping_add(self.shift).max(0) as u64
    }
}
