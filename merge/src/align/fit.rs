//! The clock of one machine on that of another, from times between which the difference of the two lies.
//!
//! The difference is taken to be a straight line: an offset and a drift. All lines that pass through the bounds are
//! possible. The fit is the middle one, and its uncertainty is how far the others are from it.

/// The most that two clocks drift apart, in seconds per second: twice what the kernel corrects a clock by (adjtimex(2)).
const DRIFT_MAX: f64 = 1e-3;
/// Halvings or thirdings of an interval that leave nothing to be divided.
const STEPS: usize = 120;
/// The rounding error in ns of a time that was computed.
const ROUNDING: f64 = 1.0;

/// What is known of the difference of two clocks at one time, in ns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The time on the clock to convert.
    pub at: i64,
    /// The least that the other clock can be ahead.
    pub least: i64,
    /// The most that the other clock can be ahead.
    pub most: i64,
}

/// Converts times of one clock to another one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Fit {
    /// A time on the clock to convert.
    pub origin: i64,
    /// How far the other clock is ahead at that time, in ns.
    pub offset: i64,
    /// How much faster the other clock is, in seconds per second.
    pub drift: f64,
    /// How far off the drift may be.
    pub drift_error: f64,
    /// By how much times between the first and the last bounds can be wrong, in ns.
    pub uncertainty: u64,
}

impl Fit {
    /// The middle of all lines through these bounds; `None` if there is none.
    pub fn of(bounds: &[Bounds]) -> Option<Fit> {
        let (first, last) = (bounds.iter().map(|b| b.at).min()?, bounds.iter().map(|b| b.at).max()?);
        let lines = Lines::through(bounds, i64::midpoint(first, last));
        let widest = largest(-DRIFT_MAX, DRIFT_MAX, |drift| lines.room(drift));
        if lines.room(widest) < -ROUNDING {
            return None;
        }
        let drifts = [-DRIFT_MAX, DRIFT_MAX].map(|end| lines.last_with_room(widest, end));
        let drift = f64::midpoint(drifts[0], drifts[1]);
        let (least, most) = lines.offsets(drift);
        let offset = f64::midpoint(least, most);
        let error = |at: i64| {
            let after = at.wrapping_sub(lines.origin) as f64;
            let (most, least) = lines.reach(drifts, after);
            (most - offset - drift * after).max(offset + drift * after - least)
        };
        let uncertainty = error(first).max(error(last)).max(0.0).ceil() as u64;
        let offset = lines.base.wrapping_add(offset.round() as i64);
        Some(Fit { origin: lines.origin, offset, drift, drift_error: (drifts[1] - drifts[0]) / 2.0, uncertainty })
    }

    /// The time on the other clock.
    pub fn convert(&self, time: i64) -> i64 {
        self.drifted(time).wrapping_add(self.offset)
    }

    /// The time on a clock that drifts like the other one, but agrees with the first one at the origin.
    pub fn drifted(&self, time: i64) -> i64 {
        time.wrapping_add((self.drift * time.wrapping_sub(self.origin) as f64).round() as i64)
    }
}

/// All lines through bounds. Numbers count from an origin and a base, so that a `f64` holds them to the nanosecond.
struct Lines {
    origin: i64,
    base: i64,
    /// Time, least and most difference.
    bounds: Vec<(f64, f64, f64)>,
}

impl Lines {
    fn through(bounds: &[Bounds], origin: i64) -> Lines {
        let base = bounds.first().map_or(0, |first| first.least);
        let after = |a: i64, b: i64| a.wrapping_sub(b) as f64;
        let relative = |b: &Bounds| (after(b.at, origin), after(b.least, base), after(b.most, base));
        Lines { origin, base, bounds: bounds.iter().map(relative).collect() }
    }

    /// The least and the most offset at the origin with this drift; the least one is larger if there is none.
    fn offsets(&self, drift: f64) -> (f64, f64) {
        let offsets = self.bounds.iter().map(|(at, least, most)| (least - drift * at, most - drift * at));
        offsets.fold((f64::MIN, f64::MAX), |(low, high), (least, most)| (low.max(least), high.min(most)))
    }

    /// How far apart the offsets are. This is a concave function of the drift.
    fn room(&self, drift: f64) -> f64 {
        let (least, most) = self.offsets(drift);
        most - least
    }

    /// The drift nearest to `end` that has room, when `inner` has some.
    fn last_with_room(&self, inner: f64, end: f64) -> f64 {
        let (mut inside, mut outside) = (inner, end);
        if self.room(end) >= -ROUNDING {
            return end;
        }
        for _ in 0..STEPS {
            let middle = f64::midpoint(inside, outside);
            *(if self.room(middle) >= -ROUNDING { &mut inside } else { &mut outside }) = middle;
        }
        inside
    }

    /// The most and the least difference of any line, with a drift between these, so long after the origin.
    fn reach(&self, [from, to]: [f64; 2], after: f64) -> (f64, f64) {
        let most = |drift: f64| self.offsets(drift).1 + drift * after;
        let least = |drift: f64| self.offsets(drift).0 + drift * after;
        (most(largest(from, to, most)), least(largest(from, to, |drift| -least(drift))))
    }
}

/// Where a concave function is largest between two numbers.
fn largest(mut from: f64, mut to: f64, function: impl Fn(f64) -> f64) -> f64 {
    for _ in 0..STEPS {
        let third = (to - from) / 3.0;
        if function(from + third) < function(to - third) { from += third } else { to -= third }
    }
    f64::midpoint(from, to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_time_gives_an_offset_without_a_drift() {
        let fit = Fit::of(&[Bounds { at: 5_000, least: 1_000_000, most: 1_000_200 }]).unwrap();
        assert_eq!((fit.convert(5_000), fit.uncertainty), (1_005_100, 100));
        assert!(fit.drift.abs() < 1e-12);
    }

    #[test]
    fn bounds_that_no_line_passes_give_nothing() {
        let [first, second] = [(0, 100), (5_000_000, 5_000_100)].map(|(least, most)| (least, most));
        let bounds =
            |at| [Bounds { at: 0, least: first.0, most: first.1 }, Bounds { at, least: second.0, most: second.1 }];
        assert_eq!(Fit::of(&bounds(1_000_000_000)), None);
        assert!(Fit::of(&bounds(10_000_000_000)).is_some());
        assert_eq!(Fit::of(&[]), None);
        assert_eq!(Fit::of(&[Bounds { at: 0, least: 10, most: 0 }]), None);
    }

    proptest! {
        /// Whatever the clocks are, and however long processes wait at a barrier, the true time is within the error.
        #[test]
        fn the_truth_is_within_the_uncertainty(
            offset in -1_000_000_000_000_000_000..1_000_000_000_000_000_000i64,
            drift in -200e-6..200e-6f64,
            rounds in prop::collection::vec((1_000..60_000_000_000i64, 0..50_000_000i64, 0..50_000_000i64), 1..60),
        ) {
            let truth = |time: i64| time + offset + (drift * time as f64).round() as i64;
            let mut time = 1_000_000_000_000;
            let bounds: Vec<Bounds> = rounds.into_iter().map(|(pause, before, after)| {
                time += pause;
                let ahead = truth(time) - time;
                Bounds { at: time, least: ahead - before, most: ahead + after }
            }).collect();
            let fit = Fit::of(&bounds).unwrap();
            for Bounds { at, .. } in bounds {
                let error = fit.convert(at).abs_diff(truth(at));
                prop_assert!(error <= fit.uncertainty + 2, "{error} at {at}: {fit:?}");
            }
        }
    }
}
