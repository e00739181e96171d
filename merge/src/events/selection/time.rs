//! The selected time: a range of the report's time line, and the part of a call that lies in it.

use super::asked::{Bound, Selection};
use crate::error::MergeError;
use std::ops::Range;
use std::time::Duration;

/// A range of time, in nanoseconds of the report. Its begin is never after its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeRange {
    from: u64,
    to: u64,
}

impl TimeRange {
    /// All the time.
    pub const ALL: TimeRange = TimeRange { from: 0, to: u64::MAX };

    /// The range that a selection leaves of a trace that spans this time, and whose zero is `base` on the wall clock.
    /// Nothing is left from `as_of` on, if that is given. All are in nanoseconds. Bounds that leave no time are an
    /// error: the user means something else.
    pub fn of(selection: &Selection, as_of: Option<u64>, span: Range<u64>, base: u64) -> Result<TimeRange, MergeError> {
        let Selection { since, until, last, .. } = selection;
        let time = |bound| nanoseconds_of(bound, span.start, base);
        let (since, until) = (since.map(time), until.map(time));
        if let (Some(since), Some(until)) = (since, until)
            && since >= until
        {
            return Err(MergeError::NoTime("--until must be later than --since"));
        }
        if last.is_some_and(|last| last.is_zero()) {
            return Err(MergeError::NoTime("--last must be more than no time"));
        }
        // The last time ends at the instant that is shown, else where the report ends.
        let shown_end = as_of.unwrap_or_else(|| clamped(until.unwrap_or(i128::MAX)).min(span.end));
        let last = last.map(|last| shown_end.saturating_sub(nanoseconds(last)));
        let from = clamped(since.unwrap_or(0)).max(last.unwrap_or(0));
        Ok(TimeRange::new(from, until.map_or(u64::MAX, clamped).min(as_of.unwrap_or(u64::MAX))))
    }

    /// The range between two times; it is empty if the second one is earlier.
    pub fn new(from: u64, to: u64) -> TimeRange {
        TimeRange { from, to: to.max(from) }
    }

    /// The same range on a time line that shows so many nanoseconds more.
    pub fn later(self, by: i64) -> TimeRange {
        let later = |time: u64| if time == u64::MAX { time } else { time.saturating_add_signed(by) };
        TimeRange::new(later(self.from), later(self.to))
    }

    /// The begin and the end of the range.
    pub fn bounds(&self) -> Range<u64> {
        self.from..self.to
    }

    /// Whether a time lies in the range.
    pub fn has(&self, time: u64) -> bool {
        (self.from..self.to).contains(&time)
    }

    /// The part of an event that lies in the range; `None` if nothing does. The end is never before the start.
    pub fn clip(&self, start: u64, end: u64) -> Option<Range<u64>> {
        // An event that takes no time lies in the range if its start does.
        let (from, to) = (start.max(self.from), end.min(self.to).max(start));
        let is_inside = start < self.to && (from < to || self.has(start));
        is_inside.then_some(from..to)
    }
}

/// Converts a bound to nanoseconds of the report, which may lie before its zero.
fn nanoseconds_of(bound: Bound, begin: u64, base: u64) -> i128 {
    match bound {
        Bound::After(duration) => i128::from(begin) + i128::from(nanoseconds(duration)),
        Bound::At(time) => i128::from(time) - i128::from(base),
    }
}

/// The nearest time that the report can have.
fn clamped(time: i128) -> u64 {
    time.clamp(0, u64::MAX.into()) as u64
}

/// Converts a duration to nanoseconds. 584 years and more become the largest number.
pub fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Small numbers, which meet each other, and the ends of what numbers can be.
    fn number() -> impl Strategy<Value = u64> {
        prop_oneof![0..12_u64, (0..3_u64).prop_map(|below| u64::MAX - below), any::<u64>()]
    }

    fn bound() -> impl Strategy<Value = Bound> {
        let at = Bound::At;
        prop_oneof![number().prop_map(|moment| Bound::After(Duration::from_nanos(moment))), number().prop_map(at)]
    }

    /// The time of a bound, in numbers that do not overflow.
    fn exact(bound: Bound, begin: u64, base: u64) -> i128 {
        match bound {
            Bound::After(after) => i128::from(begin) + after.as_nanos() as i128,
            Bound::At(at) => i128::from(at) - i128::from(base),
        }
    }

    proptest! {
        #[test]
        fn what_is_left_is_what_lies_between_the_bounds(
            since in prop::option::of(bound()), until in prop::option::of(bound()),
            last in prop::option::of(number()), begin in number(), end in number(), base in number(),
            calls in prop::collection::vec((number(), number()), 1..20),
        ) {
            let last = last.map(Duration::from_nanos);
            let selection = Selection { since, until, last, ..Selection::default() };
            // The oracle calculates in numbers that do not overflow, and clips once, at the end.
            let (from, to) = (since.map(|of| exact(of, begin, base)), until.map(|of| exact(of, begin, base)));
            let is_contradiction = from.zip(to).is_some_and(|(from, to)| from >= to) || last == Some(Duration::ZERO);
            let time = TimeRange::of(&selection, None, begin..end, base);
            prop_assert_eq!(time.is_err(), is_contradiction);
            let Ok(time) = time else { return Ok(()) };
            let back = last.map(|last| to.unwrap_or(i128::MAX).clamp(0, end.into()) - last.as_nanos() as i128);
            let from = from.unwrap_or(0).max(back.unwrap_or(0));
            let to = to.unwrap_or(i128::MAX).min(u64::MAX.into());
            for (start, end) in calls.into_iter().map(|(a, b)| (a.min(b), a.max(b))) {
                let (wide_start, wide_end) = (i128::from(start), i128::from(end));
                let touches = from < to && wide_start < to && (wide_end > from || wide_start >= from);
                let expected = touches.then(|| (wide_start.max(from), wide_end.min(to)));
                let left = time.clip(start, end);
                prop_assert_eq!(left.clone().map(|left| (left.start.into(), left.end.into())), expected);
                prop_assert!(left.is_none_or(|left| start <= left.start && left.start <= left.end && left.end <= end));
                prop_assert_eq!(time.has(start), from <= wide_start && wide_start < to);
            }
        }

        #[test]
        fn a_range_on_another_time_line_has_the_same_times(
            from in 0..9_u64, to in prop_oneof![0..12_u64, Just(u64::MAX)], time in 0..15_u64, by in 0..5_u64,
        ) {
            let range = TimeRange::new(from, to);
            prop_assert_eq!(range.later(by as i64).has(time + by), range.has(time));
            prop_assert_eq!(range.later(by as i64).later(-(by as i64)), range);
        }

        /// No range makes a call longer than it was.
        #[test]
        fn no_stretch_of_time_turns_a_call_around(
            from in number(), to in number(), start in number(), end in number(),
        ) {
            if let Some(left) = TimeRange::new(from, to).clip(start, end) {
                prop_assert!(start <= left.start && left.start <= left.end && left.end <= end.max(start));
            }
        }
    }

    #[test]
    fn the_last_time_ends_where_the_report_does() {
        let time = |words: [Option<u64>; 3]| {
            let [since, until, last] = words.map(|seconds| seconds.map(Duration::from_secs));
            let (since, until) = (since.map(Bound::After), until.map(Bound::After));
            TimeRange::of(&Selection { since, until, last, ..Selection::default() }, None, 0..4_000_000_000, 0)
        };
        let seconds = |from: u64, to: u64| TimeRange::new(from * 1_000_000_000, to.saturating_mul(1_000_000_000));
        assert_eq!(time([None, None, Some(1)]).unwrap(), seconds(3, u64::MAX));
        assert_eq!(time([None, Some(3), Some(1)]).unwrap(), seconds(2, 3));
        assert_eq!(time([None, Some(1), Some(1)]).unwrap(), seconds(0, 1));
        assert_eq!(time([None, Some(9), Some(1)]).unwrap(), seconds(3, 9));
        assert_eq!(time([Some(1), Some(3), Some(1)]).unwrap(), seconds(2, 3));
        for none in [[Some(3), Some(1), None], [Some(1), Some(1), None], [None, None, Some(0)]] {
            assert!(matches!(time(none), Err(MergeError::NoTime(_))), "{none:?}");
        }
        let at = |seconds: u64| Some(Bound::At(seconds * 1_000_000_000));
        let both = Selection { since: at(50), until: at(60), ..Selection::default() };
        // Both lie before the trace: that is an answer, and no contradiction.
        assert!(!TimeRange::of(&both, None, 0..5, 100_000_000_000).unwrap().has(0));
    }

    #[test]
    fn the_last_time_ends_at_the_instant_that_is_shown() {
        let last = Selection { last: Some(Duration::from_nanos(10)), ..Selection::default() };
        for (as_of, end) in [(50, 20), (50, 50), (50, 90)] {
            assert_eq!(TimeRange::of(&last, Some(as_of), 0..end, 0).unwrap(), TimeRange::new(40, 50));
        }
        assert_eq!(TimeRange::of(&Selection::default(), Some(50), 0..90, 0).unwrap(), TimeRange::new(0, 50));
    }
}
