//! The calls of the calling thread. Each function is one operation on the thread's recorder.
//!
//! The record path knows no Python: an operation on a recorder neither runs Python nor gives up the GIL. So each
//! function here is safe for every caller that holds the GIL.

use super::current::{self, LastEvent};
use pyo3::prelude::*;
use viztracer_format::record::Kind;
use viztracer_recorder::{Earlier, Left, ThreadRecorder};

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

/// Whether it is time to look at the session's switches. It is the caller's to look then.
pub fn take_due(python: Python<'_>) -> bool {
    // SAFETY: `take_due` runs no Python.
    unsafe { current::with(python, ThreadRecorder::take_due) }.unwrap_or(false)
}

/// Handles the end of a call that [`leave`] could not match. Returns what [`take_due`] does.
pub fn unwind_to(python: Python<'_>, tag: u64, kind: Kind) -> bool {
    let unwind = |recorder: &mut ThreadRecorder| {
        recorder.unwind_to(tag, kind);
        recorder.take_due()
    };
    // SAFETY: `unwind` runs no Python.
    unsafe { current::with(python, unwind) }.unwrap_or(false)
}

/// Whether calls are open on the calling thread, none of which has this tag. Runs no Python; false if another thread
/// had the last event.
pub fn are_others_open(python: Python<'_>, tag: u64) -> bool {
    let others = |recorder: &mut ThreadRecorder| recorder.has_open_calls() && !recorder.is_open(tag);
    match current::last_event(python) {
        // SAFETY: found just now; `others` reads the stack of the recorder alone.
        LastEvent::Recording(found) => unsafe { found.with(others) },
        LastEvent::Unknown | LastEvent::NotRecording => false,
    }
}

/// The depth limit does not count the calls that are open now on the calling thread, except the `inner` innermost.
pub fn count_depth_from_here(python: Python<'_>, inner: usize) {
    // SAFETY: `count_depth_from_here` runs no Python.
    unsafe { current::with(python, |recorder| recorder.count_depth_from_here(inner)) };
}

/// From now on, records only calls on the calling thread that are nested up to `depth` from here. This also holds for
/// what is recorded after a pause.
pub fn limit_depth(python: Python<'_>, depth: usize) {
    current::is_recording(python); // the thread gets its recorder
    // SAFETY: `limit_depth` runs no Python.
    unsafe { current::with_kept(python, |recorder| recorder.limit_depth(depth)) };
}

/// Returns how many bytes of arguments the call may have that begins next; `None` if it is not recorded.
pub fn payload_max_of_next(python: Python<'_>) -> Option<usize> {
    let max = |recorder: &mut ThreadRecorder| (!recorder.is_full_depth()).then(|| recorder.payload_max());
    // SAFETY: `max` reads numbers of the recorder.
    unsafe { current::with(python, max) }.flatten()
}

/// The innermost call, which ends now and will be recorded.
pub struct Ending {
    /// When it ends, in ticks.
    pub now: u64,
    /// How many bytes of arguments it may have.
    pub payload_max: usize,
}

/// Returns the end of the innermost call, if it has this tag and is long enough to be recorded. It stays open.
pub fn ending(python: Python<'_>, tag: u64) -> Option<Ending> {
    let ending = |recorder: &mut ThreadRecorder| {
        let now = recorder.ticks();
        recorder.is_wanted(tag, now).then(|| Ending { now, payload_max: recorder.payload_max() })
    };
    // SAFETY: `ending` reads the clock and the stack of the recorder alone.
    unsafe { current::with(python, ending) }.flatten()
}

/// Records the end of the innermost call, if it has this tag and is long enough to be recorded, with one more member of
/// its `args`: a key, and an object of that member alone, which `put` appends to an empty text. `None`, and nothing is
/// recorded, if the call is another one or too short, or if `put` returns false.
///
/// # Safety
/// `put` runs no Python and does not give up the GIL.
#[inline]
pub unsafe fn end_at_once(
    python: Python<'_>,
    tag: u64,
    kind: Kind,
    key: &[u8],
    put: impl FnOnce(usize, &mut String) -> bool,
) -> Option<Left> {
    // SAFETY: `end_now` runs no Python, as the caller promises of `put`.
    unsafe { current::with(python, |recorder| recorder.end_now(tag, kind, key, put)) }.flatten()
}

/// Attaches a member of `args` to the innermost call, if that has this tag: a JSON string and a JSON value.
pub fn attach(python: Python<'_>, tag: u64, key: &[u8], value: &[u8]) {
    let attach = |recorder: &mut ThreadRecorder| {
        if recorder.is_innermost(tag) {
            recorder.attach(key, value, Earlier::Replaced);
        }
    };
    // SAFETY: `attach` runs no Python.
    unsafe { current::with(python, attach) };
}

/// Records the end of a call that ended at `now`, with one more member of its `args`, and of those that it has called:
/// the key of the member, and an object of the member alone.
pub fn end_with(python: Python<'_>, tag: u64, kind: Kind, now: u64, member: (&[u8], &[u8])) {
    // SAFETY: `end_with` runs no Python.
    unsafe { current::with(python, |recorder| recorder.end_with(tag, kind, now, member)) };
}
