//! The numbers of one function in all runs of a side.

use super::median::Median;
use super::metric::Metric;

/// A number for each run. A function that a run does not call has 0 there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Samples {
    /// Calls.
    pub calls: Vec<u64>,
    /// Nanoseconds without called functions.
    pub own: Vec<u64>,
    /// Nanoseconds with called functions.
    pub total: Vec<u64>,
    /// Whether there may have been more calls, which then took more time in total.
    pub is_least: bool,
    /// Whether all times may be wrong.
    pub are_times_unsure: bool,
    /// Whether the time without called functions may contain that of calls that are not recorded, or lack some.
    pub is_own_unsure: bool,
}

impl Samples {
    /// Nothing was called in so many runs.
    pub fn none(runs: usize) -> Samples {
        let zeros = || vec![0; runs];
        Samples { calls: zeros(), own: zeros(), total: zeros(), ..Samples::default() }
    }

    /// The numbers of a metric.
    pub fn of(&self, metric: Metric) -> &[u64] {
        match metric {
            Metric::Calls => &self.calls,
            Metric::Own => &self.own,
            Metric::Total => &self.total,
        }
    }

    /// Adds the numbers of a function in a run.
    pub fn add(&mut self, run: usize, calls: u64, own: u64, total: u64) {
        for (numbers, more) in [(&mut self.calls, calls), (&mut self.own, own), (&mut self.total, total)] {
            if let Some(number) = numbers.get_mut(run) {
                *number = number.saturating_add(more);
            }
        }
    }

    /// The median of the runs.
    pub fn median(&self, metric: Metric) -> Median {
        Median::of(self.of(metric))
    }

    /// Whether no run has called it.
    pub fn is_absent(&self) -> bool {
        self.calls.iter().all(|calls| *calls == 0)
    }

    /// Whether runs have different numbers.
    pub fn varies(&self, metric: Metric) -> bool {
        self.of(metric).windows(2).any(|pair| pair[0] != pair[1])
    }

    /// Whether the numbers may differ from what happened.
    pub fn is_unsure(&self, metric: Metric) -> bool {
        match metric {
            Metric::Calls => self.is_least,
            Metric::Total => self.is_least || self.are_times_unsure,
            Metric::Own => self.is_least || self.are_times_unsure || self.is_own_unsure,
        }
    }
}
