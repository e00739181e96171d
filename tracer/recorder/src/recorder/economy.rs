//! What a recording has cost, and what is left out because of that: calls for a time, or calls of some functions, which
//! are counted now and then.

use super::{Inherited, Recorder, lock};
use crate::budget::{Burst, Elided, Elision, Known, Sample, choose, ticks_max};
use crate::clock::processor_time;
use crate::ring::Memory;
use crate::thread::ThreadRecorder;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use viztracer_format::record::FUNCTION_UNKNOWN;
use viztracer_format::sync::Ordering;

impl Recorder {
    /// Books that a thread has recorded so many calls since it was here last. Returns which part of its calls it may go
    /// on to record, from 0 to 1; `None`: all of them.
    pub fn book(&self, calls: u64) -> Option<f64> {
        let cost = self.options.budget?.call_cost;
        let functions = lock(&self.names).functions();
        let mut account = lock(&self.account);
        let account = account.as_mut()?;
        account.note_functions(functions);
        account.book(calls as f64 * cost, processor_time())
    }

    /// Books what a thread that ends has recorded, and keeps its sample.
    pub(super) fn book_end(&self, thread: &mut ThreadRecorder) {
        let Some(budget) = self.options.budget else { return };
        let spent = thread.take_recorded() as f64 * budget.call_cost;
        lock(&self.account).iter_mut().for_each(|account| account.book_end(spent));
        *lock(&self.ended) = thread.sample();
    }

    /// Begins a rest: no calls are recorded from now on. No thread may be recording meanwhile.
    pub fn begin_rest(&self) {
        let status = self.ring.memory().status();
        status.resting_since.store(self.ring.clock().now().max(1), Ordering::Relaxed);
        status.rests.fetch_add(1, Ordering::Relaxed);
    }

    /// Ends a rest, if one goes on.
    pub fn end_rest(&self) {
        let status = self.ring.memory().status();
        let since = status.resting_since.swap(0, Ordering::Relaxed);
        if since != 0 {
            status.rested.fetch_add(self.ring.clock().now().saturating_sub(since), Ordering::Relaxed);
        }
    }

    /// For how much processor time of the process a rest must go on; `None`: it may end.
    pub fn rest_left(&self) -> Option<Duration> {
        lock(&self.account).as_mut()?.rest(processor_time()).map(Duration::from_nanos)
    }

    /// Which functions to elide, so that a thread with this sample records about this part of its calls.
    pub fn choose(&self, sample: Sample, kept: f64) -> Vec<Elision> {
        let ended = std::mem::take(&mut *lock(&self.ended));
        let names = lock(&self.names);
        let has_tasks = self.options.budget.is_some_and(|budget| budget.has_tasks);
        let may_go = |function| {
            let is_recorded = |what| function != FUNCTION_UNKNOWN && names.elided(function) < Some(what);
            let is_kept = has_tasks && names.is_kept_with_tasks(function);
            (is_recorded(Elided::Calls) && !is_kept, is_recorded(Elided::CCalls))
        };
        let ticks_max = ticks_max(self.opened, self.ring.clock().anchor());
        let known = Known { is_c: &|function| names.is_c(function), may_go: &may_go, ticks_max };
        choose(&[sample, ended], kept, &known)
    }

    /// Elides these functions, and says so in the file. No thread may be recording meanwhile. Returns those of which
    /// more was recorded before.
    pub fn elide(&self, elisions: &[Elision]) -> Vec<Elision> {
        let now = self.ring.clock().now();
        let mut names = lock(&self.names);
        let is_new = |elision: &Elision| names.elide(&self.ring, *elision, now);
        let new: Vec<Elision> = elisions.iter().copied().filter(is_new).collect();
        if self.options.estimates_calls() {
            let mut estimates = lock(&self.estimates);
            let whole = new.iter().filter(|elision| elision.what == Elided::Calls);
            whole.for_each(|elision| estimates.begin(elision.function, processor_time()));
        }
        for thread in &mut lock(&self.threads).recorders {
            thread.get().end_elided(|function| names.elided(function), |function| names.is_c(function));
        }
        new
    }

    /// What is elided of this function.
    pub fn elided(&self, function: u32) -> Option<Elided> {
        lock(&self.names).elided(function)
    }

    /// Says in the file, if it does not say so yet, that calls of C functions at some places in the code of this function
    /// are no longer recorded; false if the file has no space for that.
    pub fn elide_some_c_calls(&self, function: u32) -> bool {
        let now = self.ring.clock().now();
        let mut names = lock(&self.names);
        names.elide(&self.ring, Elision { function, what: Elided::SomeCCalls }, now);
        names.elided(function).is_some()
    }

    /// Goes on without the functions that the parent no longer recorded.
    pub fn inherit_elided(&self, inherited: &Inherited) {
        let mut names = lock(&self.names);
        let now = self.ring.clock().now();
        for (what, entry) in &inherited.elided {
            let function = names.entry(&self.ring, Arc::clone(entry));
            names.elide(&self.ring, Elision { function, what: *what }, now);
        }
        lock(&self.account).iter_mut().for_each(|account| account.inherit_functions(names.functions()));
    }

    /// Keeps this function from being elided if tasks are told apart: a task may begin with it, or an arrow.
    pub fn keep_with_tasks(&self, function: u32) {
        lock(&self.names).keep_with_tasks(function);
    }

    /// Whether there are functions of which it is estimated how often they are called.
    pub fn has_estimates(&self) -> bool {
        !lock(&self.estimates).is_empty()
    }

    /// Whether the calls of elided functions may be counted for a time that costs so many ns.
    pub fn may_count(&self, cost: f64) -> bool {
        lock(&self.account).as_mut().is_some_and(|account| account.has(cost, processor_time()))
    }

    /// Books what a burst has cost, in ns.
    pub fn spend(&self, cost: f64) {
        lock(&self.account).iter_mut().for_each(|account| account.spend(cost));
    }

    /// Adds a burst in which so many calls of functions were counted; `None`: not all of a function were.
    pub fn count(&self, burst: &Burst, counts: &HashMap<u32, Option<u64>>) {
        let mut names = lock(&self.names);
        lock(&self.estimates).add(&self.ring, &mut names, burst, counts);
    }

    /// Notes that nothing is recorded from now on, or that it goes on.
    pub fn note_recording(&self, goes_on: bool) {
        let now = processor_time();
        let mut names = lock(&self.names);
        let mut estimates = lock(&self.estimates);
        if goes_on {
            estimates.go_on(now);
        } else {
            estimates.end(&self.ring, &mut names, now);
        }
    }
}
