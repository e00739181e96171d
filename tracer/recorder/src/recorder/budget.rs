//! Which functions a recording no longer records, so that it keeps within its [`budget`](crate::budget).

use super::{Recorder, lock};
use crate::budget::{Elision, Sample};
use crate::clock::processor_time;
use viztracer_format::names::function_name;

/// Calls that take longer than this on average, in ns, are always recorded.
const ELIDED_MAX: u64 = 10_000;

impl Recorder {
    /// Books that a thread has recorded so many calls since it was here last. Returns which part of its calls it may go
    /// on to record, from 0 to 1; `None`: all of them.
    pub fn book(&self, calls: u64) -> Option<f64> {
        let cost = self.options.budget?.call_cost;
        lock(&self.account).as_mut()?.book(calls as f64 * cost, processor_time())
    }

    /// Which functions to elide, so that a thread with this sample records about this part of its calls.
    pub fn choose(&self, sample: &Sample, kept: f64) -> Vec<Elision> {
        let names = lock(&self.names);
        sample.choose(kept, self.ticks_in(ELIDED_MAX), |function| names.is_c(function))
    }

    /// Elides these functions, and says so in the file. No thread may be recording meanwhile. Returns those that were
    /// not elided before.
    pub fn elide(&self, elisions: &[Elision]) -> Vec<Elision> {
        let now = self.ring.clock().now();
        let mut names = lock(&self.names);
        let new: Vec<Elision> =
            elisions.iter().copied().filter(|elision| names.elide(&self.ring, *elision, now)).collect();
        let is_elided = |function| names.elision(function).is_some_and(|elision| !elision.only_c_calls);
        for thread in &mut lock(&self.threads).recorders {
            thread.get().end_calls_of(is_elided);
        }
        new
    }

    /// What is elided of this function.
    pub fn elision(&self, function: u32) -> Option<Elision> {
        lock(&self.names).elision(function)
    }

    /// The name of the function with this id; empty if it has none.
    pub fn function_name(&self, function: u32) -> String {
        let entry = lock(&self.names).of(function);
        entry.as_deref().and_then(function_name).unwrap_or_default().to_owned()
    }

    /// About so many ticks are in this time, in ns, by the rate since the file was opened.
    fn ticks_in(&self, time: u64) -> u64 {
        let now = self.ring.clock().anchor();
        let ticks = u128::from(now.ticks.saturating_sub(self.opened.ticks));
        let nanoseconds = u128::from(now.monotonic.saturating_sub(self.opened.monotonic)).max(1);
        u64::try_from(u128::from(time) * ticks / nanoseconds).unwrap_or(u64::MAX)
    }
}
