//! The calls of the calling thread. Each function is one operation on the thread's recorder.
//!
//! The record path knows no Python: an operation on a recorder neither runs Python nor gives up the GIL. So each
//! function here is safe for every caller that holds the GIL.

use super::current::{self, LastEvent};
use pyo3::prelude::*;
use viztracer_format::record::Kind;
use viztracer_recorder::{Left, ThreadRecorder};

/// Records that a call begins, if [`current::is_recording`] has said so and no Python has run since. The id belongs to
/// the recording that goes on now, so this does not look for a recorder that is not there yet.
#[inline(always)]
pub fn enter(python: Python<'_>, function: u32, tag: u64) {
    if let LastEvent::Recording(found) = current::last_event(python) {
        // SAFETY: found just now; `enter` runs no Python.
        unsafe { found.with(|recorder| recorder.enter(function, tag)) };
    }
}

/// Records that the innermost call ends; `None` if the thread does not record.
#[inline(always)]
pub fn leave(python: Python<'_>, tag: u64, kind: Kind) -> Option<Left> {
    // SAFETY: `leave` runs no Python.
    unsafe { current::with(python, |recorder| recorder.leave(tag, kind)) }
}

/// Handles the end of a call that [`leave`] could not match.
pub fn unwind_to(python: Python<'_>, tag: u64, kind: Kind) {
    // SAFETY: `unwind_to` runs no Python.
    unsafe { current::with(python, |recorder| recorder.unwind_to(tag, kind)) };
}

/// Whether calls are open on the calling thread, none of which has this tag. Runs no Python; false if another thread
/// had the last event.
pub fn are_others_open(python: Python<'_>, tag: u64) -> bool {
    let others = |recorder: &mut ThreadRecorder| recorder.has_open_calls() && !recorder.is_open(tag);
    match current::last_event(python) {
        // SAFETY: found just now; `others` reads the stack of the recorder alone.
        LastEvent::Recording(found) => unsafe { found.with(others) },
        LastEvent::NotOurs | LastEvent::NotRecording => false,
    }
}

/// The depth limit does not count the calls that are open now on the calling thread, except the `inner` innermost.
pub fn count_depth_from_here(python: Python<'_>, inner: usize) {
    // SAFETY: `count_depth_from_here` runs no Python.
    unsafe { current::with(python, |recorder| recorder.count_depth_from_here(inner)) };
}
