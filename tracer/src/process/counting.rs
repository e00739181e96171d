//! When the calls of elided functions are counted, in short bursts.
//!
//! A program that makes no other calls has no events, so the [`watcher`](super::watcher) begins the bursts.

use crate::{hook, recording};
use pyo3::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use viztracer_recorder::clock::monotonic;

/// The time between two bursts.
pub const INTERVAL: Duration = Duration::from_millis(250);
/// What a burst costs at most, in ns.
const COST: f64 = 2e6;

/// When the last burst began, in ns of the monotonic clock.
static BEGAN: AtomicU64 = AtomicU64::new(0);

/// Whether there are functions whose calls are to be counted.
pub fn is_wanted() -> bool {
    cfg!(Py_3_12) && recording::has_elided() && recording::records_calls() && recording::has_estimates()
}

/// What is to be done now, if anything is.
pub fn due() -> Option<fn(Python<'_>)> {
    if hook::is_counting() {
        return Some(end);
    }
    let is_time = monotonic().saturating_sub(BEGAN.load(Ordering::Relaxed)) >= INTERVAL.as_nanos() as u64;
    (is_time && recording::may_count(COST)).then_some(begin)
}

fn begin(python: Python<'_>) {
    BEGAN.store(monotonic(), Ordering::Relaxed);
    if recording::records_calls() {
        let _ = hook::count(python); // without a burst the estimate is worse
    }
}

fn end(python: Python<'_>) {
    let _ = hook::end_counting(python);
}
