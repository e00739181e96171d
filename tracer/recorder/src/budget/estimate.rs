//! About how many calls of a function there were, of which only those in short bursts are counted.
//!
//! Each burst stands for the processor time since the burst before it, and begins at a random one. The differences
//! between neighbours say how far off the sum may be, also if the function is called more and more often. Counting a call
//! takes time, which is taken out of the time of a burst.

use viztracer_format::names::Estimate;

/// A time in which calls were counted, in ns of the process's processor time.
#[derive(Clone, Copy, Debug)]
pub struct Burst {
    /// When it began.
    pub begin: u64,
    /// When it ended.
    pub end: u64,
    /// How much of that counting took: an estimate.
    pub counting: u64,
}

/// The counts of one function.
#[derive(Clone, Copy, Debug, Default)]
pub struct Estimator {
    /// From when on nothing was counted yet, in ns of processor time.
    since: u64,
    /// Whether nothing is recorded for now.
    has_ended: bool,
    bursts: u64,
    counted: u64,
    time: u64,
    /// The sum of what the bursts stand for.
    calls: f64,
    /// Calls per ns in the last burst.
    rate: f64,
    /// The sum of the squares of differences between neighbours.
    differences: f64,
    /// The variance if calls come at random.
    random: f64,
    /// How far off the sum may be since counting takes longer or shorter than is known.
    by_counting: f64,
    /// The longest time that a burst stands for, and the sum of these times.
    longest: f64,
    span: f64,
    /// Calls in times that are far from any burst: there may be none of them, or as many more.
    far: f64,
}

/// How far off the known time of counting may be, as a part of it.
const COUNTING_ERROR: f64 = 0.25;
/// A time that is so many times longer than those before has no burst near enough to stand for it.
const FAR: f64 = 4.0;
/// The least part of a burst that is taken for the program's own.
const OWN_MIN: f64 = 0.1;

impl Estimator {
    /// Of a function whose calls are no longer recorded from this processor time on.
    pub fn new(since: u64) -> Estimator {
        Estimator { since, ..Estimator::default() }
    }

    /// Adds a burst with so many calls.
    pub fn add(&mut self, burst: &Burst, calls: u64) {
        let whole = burst.end.saturating_sub(burst.begin).max(1);
        let own = (whole as f64 - burst.counting as f64).max(whole as f64 * OWN_MIN);
        let time = burst.end.saturating_sub(self.since).max(whole) as f64;
        let rate = calls as f64 / own;
        if self.bursts > 0 {
            self.differences += ((rate - self.rate) * time).powi(2);
        }
        // No calls in a burst do not mean that there are none beside it.
        self.random += calls.max(1) as f64 * (time / own).powi(2);
        self.by_counting += rate * time * COUNTING_ERROR * burst.counting as f64 / own;
        self.stand_for(time, rate);
        self.rate = rate;
        self.bursts += 1;
        self.counted = self.counted.saturating_add(calls);
        self.time = self.time.saturating_add(whole);
        self.since = self.since.max(burst.end);
    }

    /// Has the last burst stand for the time up to this processor time, too: nothing is recorded from then on.
    pub fn end(&mut self, now: u64) {
        if !self.has_ended {
            self.stand_for(now.saturating_sub(self.since) as f64, self.rate);
            self.has_ended = true;
        }
    }

    /// From when on nothing was counted yet.
    pub fn since(&self) -> u64 {
        self.since
    }

    fn stand_for(&mut self, time: f64, rate: f64) {
        if self.bursts > 0 && time > FAR * self.longest {
            self.far += time * rate.max(self.calls / self.span);
        } else {
            self.longest = self.longest.max(time);
        }
        self.calls += rate * time;
        self.span += time;
    }

    /// Goes on at this processor time, after an [`Estimator::end`].
    pub fn go_on(&mut self, now: u64) {
        (self.since, self.has_ended) = (now, false);
    }

    /// What is known so far.
    pub fn estimate(&self) -> Estimate {
        let bursts = self.bursts as f64;
        let by_differences = if self.bursts > 1 { self.differences * bursts / (2.0 * (bursts - 1.0)) } else { 0.0 };
        Estimate {
            bursts: self.bursts,
            counted: self.counted,
            time: self.time,
            calls: self.calls.round() as u64,
            error: by_differences.max(self.random).sqrt().hypot(self.by_counting).hypot(self.far).ceil() as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn burst(begin: u64, end: u64) -> Burst {
        Burst { begin, end, counting: 0 }
    }

    /// The estimate after bursts of 10 ns at every 1000 ns, in which so many calls are counted.
    fn estimate(calls: impl IntoIterator<Item = u64>) -> Estimate {
        let mut estimator = Estimator::new(0);
        for (index, calls) in calls.into_iter().enumerate() {
            let end = (index as u64 + 1) * 1000;
            estimator.add(&burst(end - 10, end), calls);
        }
        estimator.estimate()
    }

    #[test]
    fn bursts_stand_for_the_time_between_them() {
        let known = estimate([5; 100]);
        assert_eq!((known.bursts, known.counted, known.time), (100, 500, 1000));
        assert_eq!(known.calls, 50_000);
        assert_eq!(known.error, 2237, "the square root of 500, times 100");
    }

    #[test]
    fn the_error_grows_with_the_differences() {
        let (same, other) = (estimate([100; 100]), estimate([0, 200].into_iter().cycle().take(100)));
        assert_eq!((same.calls, other.calls), (1_000_000, 1_000_000));
        assert!(other.error > 7 * same.error, "{same:?} {other:?}");
    }

    #[test]
    fn a_function_that_is_called_more_and_more_often_has_a_small_error() {
        let known = estimate(0..1000);
        let exact = (0..1000).sum::<u64>() * 100;
        assert!(known.calls.abs_diff(exact) <= 2 * known.error && known.error < exact / 100, "{known:?}");
    }

    #[test]
    fn functions_that_are_not_called_have_an_error_all_the_same() {
        let known = estimate([0; 4]);
        assert_eq!((known.calls, known.error), (0, 200));
    }

    #[test]
    fn what_counting_takes_is_no_time_of_the_program_and_makes_the_estimate_worse() {
        let mut estimator = Estimator::new(0);
        estimator.add(&Burst { counting: 50, ..burst(0, 100) }, 1000);
        let known = estimator.estimate();
        assert_eq!(known.calls, 2000);
        assert!(known.error >= 300, "{known:?}");
        estimator.add(&Burst { counting: u64::MAX, ..burst(100, 200) }, 1);
        assert_eq!(estimator.estimate().calls, 2010, "at least a tenth is the program's own");
    }

    #[test]
    fn time_without_recording_stands_for_no_calls() {
        let mut estimator = Estimator::new(0);
        estimator.add(&burst(990, 1000), 10);
        estimator.end(2000);
        estimator.end(4000);
        assert_eq!(estimator.estimate().calls, 2000);
        estimator.go_on(9000);
        estimator.add(&burst(9990, 10_000), 10);
        assert_eq!(estimator.estimate().calls, 3000);
    }

    #[test]
    fn a_time_far_from_any_burst_makes_the_estimate_worse() {
        let mut estimator = Estimator::new(0);
        (1..=9).for_each(|index| estimator.add(&burst(index * 1000 - 10, index * 1000), 10_000));
        let mut late = estimator;
        estimator.end(10_000);
        assert!(estimator.estimate().error < 100_000, "{:?}", estimator.estimate());
        late.end(30_000);
        let known = late.estimate();
        assert!(known.error > 20_000_000 && known.calls == 30_000_000, "{known:?}");
        late.go_on(30_000);
        late.add(&burst(90_000, 100_000), 0);
        assert!(late.estimate().error > 90_000_000, "a burst without calls says as little of so long a time");
    }

    #[test]
    fn a_clock_that_goes_back_is_harmless() {
        let mut estimator = Estimator::new(100);
        estimator.add(&burst(90, 80), u64::MAX);
        estimator.add(&burst(0, 0), u64::MAX);
        estimator.end(1);
        estimator.estimate();
    }
}
