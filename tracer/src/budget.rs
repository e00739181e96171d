//! Keeps what tracing costs within the bound that the user has set.
//!
//! At its looks ([`crate::due`]), a thread books what it has recorded. [`viztracer_recorder::budget`] judges that.
//!
//! On CPython 3.12 and later, functions that are called too often are *elided*, that is, no longer recorded. Their
//! callbacks answer `DISABLE`, as for a function that the filter leaves out, so they raise no events from then on. Older
//! versions cannot switch events of single functions off. There, all calls *rest* until the debt is paid
//! (`process::resting`), so they are recorded in bursts.

use crate::exclusive::exclusively;
use crate::function;
use crate::logged::event;
use crate::recording;
use crate::snapshots;
use crate::thread::current;
use pyo3::prelude::*;
use std::time::Duration;
use viztracer_recorder::ThreadRecorder;
use viztracer_recorder::budget::{Elided, Elision};

/// The time between two bookings of a thread. Where calls rest, it is also the shortest burst.
pub const INTERVAL: Duration = Duration::from_millis(if CAN_ELIDE { 20 } else { 5 });

const CAN_ELIDE: bool = cfg!(Py_3_12);
/// How many functions the text of an instant names.
const NAMED_MAX: usize = 3;

/// Books what the calling thread has recorded since it was here last. If tracing costs too much, sees to it that it
/// costs less. Returns whether all calls must rest for that. May run Python.
pub fn keep(python: Python<'_>) -> bool {
    // SAFETY: `take_recorded` reads and writes numbers of the recorder.
    let calls = unsafe { current::with_existing(python, ThreadRecorder::take_recorded) };
    let Some(kept) = calls.and_then(recording::book) else { return false };
    if CAN_ELIDE {
        elide(python, kept);
    }
    !CAN_ELIDE
}

/// Elides the functions that the calling thread calls most, except those of which a slow call takes a snapshot, so that
/// it records about this part of its calls.
fn elide(python: Python<'_>, kept: f64) {
    // SAFETY: `sample` reads the recorder.
    let Some(sample) = (unsafe { current::with_existing(python, |recorder| recorder.sample()) }) else { return };
    let mut elisions = recording::choose(sample, kept);
    let is_awaited = |elision: &Elision| snapshots::is_awaited(&recording::function_name(elision.function));
    elisions.retain(|elision| elision.what < Elided::Calls || !is_awaited(elision));
    if elisions.is_empty() {
        return;
    }
    let new = exclusively(python, || {
        let new = recording::elide(&elisions);
        function::forget_decisions();
        new
    });
    if !new.is_empty() {
        event::instant_now(python, &announcement(&new));
    }
}

/// What an instant says of functions that are elided from now on.
fn announcement(elisions: &[Elision]) -> String {
    let name = |elision: &Elision| match (recording::function_name(elision.function), elision.what) {
        (name, Elided::Calls) => name,
        (name, Elided::CCalls | Elided::SomeCCalls) => format!("C functions called by {name}"),
    };
    let mut names: Vec<String> = elisions.iter().take(NAMED_MAX).map(name).collect();
    let others = elisions.len() - names.len();
    if others > 0 {
        names.push(format!("{others} more"));
    }
    format!("max_overhead: no longer recorded: {}", names.join(", "))
}
