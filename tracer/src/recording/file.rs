//! What is written into the file of the recording, and asked of it.

use super::state::{FORKED, HAS_ELIDED, count_rules, locked, number, with, with_number};
use crate::sync::atomic::Ordering;
#[cfg(Py_3_12)]
use std::collections::HashMap;
use std::path::PathBuf;
use std::ptr::NonNull;
use std::time::Duration;
use viztracer_format::names::Function;
use viztracer_format::record::{FUNCTION_UNKNOWN, Kind};
#[cfg(Py_3_12)]
use viztracer_recorder::budget::Burst;
use viztracer_recorder::budget::{Elided, Elision, Sample};
use viztracer_recorder::{SlowCall, ThreadRecorder};

/// Returns the path of the file.
pub fn path() -> Option<PathBuf> {
    with(None, |recording| Some(recording.recorder.path().to_owned()))
}

/// Returns the error that ended the growth of the file, if one did.
pub fn failure() -> Option<i32> {
    with(None, |recording| recording.recorder.failure())
}

/// Whether somebody has removed the file.
pub fn removed() -> bool {
    with(false, |recording| recording.recorder.is_removed())
}

/// Marks this point in time to align files by. Returns whether another one was marked before; `None` if nothing is
/// recorded.
pub fn mark_sync() -> Option<bool> {
    with(None, |recording| Some(recording.recorder.mark_sync()))
}

/// Returns the point in time that was marked, in nanoseconds of `CLOCK_MONOTONIC`.
pub fn sync_marker() -> Option<u64> {
    with(None, |recording| recording.recorder.sync_marker())
}

/// Returns how many returns fitted no open call.
pub fn unmatched() -> u64 {
    with(0, |recording| recording.recorder.unmatched())
}

/// Counts a time in which another hook was in the place of ours.
pub fn count_gap() {
    with((), |recording| recording.recorder.count_gap());
}

/// Notes in the file that the recording has stopped, and so pauses no longer. A rest goes on until the next start.
pub fn note_stopped() {
    locked().note(|recorder| {
        recorder.note_paused(false);
        recorder.note_recording(false);
    });
}

/// Whether there are functions of which it is estimated how often they are called.
pub fn has_estimates() -> bool {
    with(false, |recording| recording.recorder.has_estimates())
}

/// Whether the calls of elided functions may be counted for a time that costs so many ns.
pub fn may_count(cost: f64) -> bool {
    with(false, |recording| recording.recorder.may_count(cost))
}

/// Books what a burst has cost, in ns.
#[cfg(Py_3_12)]
pub fn spend(cost: f64) {
    with((), |recording| recording.recorder.spend(cost));
}

/// Adds a burst in which so many calls of functions were counted; `None`: not all of a function were.
#[cfg(Py_3_12)]
pub fn count(burst: &Burst, counts: &HashMap<u32, Option<u64>>) {
    with((), |recording| recording.recorder.count(burst, counts));
}

/// For how much processor time of the process a rest must go on; `None`: it may end.
pub fn rest_left() -> Option<Duration> {
    with(None, |recording| recording.recorder.rest_left())
}

/// Notes that the program switches between several stacks inside of its threads.
pub fn note_switch() {
    with((), |recording| recording.recorder.note_switch());
}

/// Whether [`note_switch`] was called.
pub fn is_switched() -> bool {
    with(false, |recording| recording.recorder.is_switched())
}

/// Writes the process's name.
pub fn name_process(name: &str) {
    with((), |recording| recording.recorder.name_process(name));
}

/// Records how a child ended, for which the process has waited; the status is as waitpid(2) gives it. A forked process
/// that has no file of its own yet does not record it: the file there is belongs to its parent.
pub fn child_ended(pid: u32, status: u32) {
    if !FORKED.load(Ordering::Relaxed) {
        with((), |recording| recording.recorder.child_ended(pid, status));
    }
}

/// Returns the id of a function.
pub fn function(function: &Function<'_>) -> u32 {
    with(FUNCTION_UNKNOWN, |recording| recording.recorder.function(function))
}

/// Whether functions of this file are recorded.
pub fn includes(file: &str) -> bool {
    with(false, |recording| recording.filter.includes(file))
}

/// Books that a thread has recorded so many calls. Returns which part of its calls it may go on to record; `None`: all.
pub fn book(calls: u64) -> Option<f64> {
    with(None, |recording| recording.recorder.book(calls))
}

/// Which functions to elide so that a thread with this sample records about this part of its calls.
pub fn choose(sample: Sample, kept: f64) -> Vec<Elision> {
    with(Vec::new(), |recording| recording.recorder.choose(sample, kept))
}

/// Has the function with this id recorded as long as tracks for tasks are.
pub fn keep_with_tasks(function: u32) {
    with((), |recording| recording.recorder.keep_with_tasks(function));
}

/// Records these functions no more. Returns those that were recorded until now. The caller does so exclusively, and
/// forgets earlier decisions.
pub fn elide(elisions: &[Elision]) -> Vec<Elision> {
    HAS_ELIDED.store(true, Ordering::Relaxed);
    with(Vec::new(), |recording| {
        count_rules();
        recording.recorder.elide(elisions)
    })
}

/// Whether any function may be elided.
pub fn has_elided() -> bool {
    HAS_ELIDED.load(Ordering::Relaxed)
}

/// What is no longer recorded of the function with this id.
pub fn elided(function: u32) -> Option<Elided> {
    with(None, |recording| recording.recorder.elided(function))
}

/// Has the file say that calls of C functions at some places in the code of this function are no longer recorded; false
/// if it cannot.
#[cfg(Py_3_12)]
pub fn elide_some_c_calls(function: u32) -> bool {
    with(false, |recording| recording.recorder.elide_some_c_calls(function))
}

/// The name of a function whose call was slow, and how many ns the call took.
pub fn slow_call(call: SlowCall) -> (String, u64) {
    with((String::new(), 0), |recording| recording.recorder.slow_call(call))
}

/// Returns the name of the function with this id.
pub fn function_name(function: u32) -> String {
    with(String::new(), |recording| recording.recorder.function_name(function))
}

/// Returns the serial of a new asyncio task in the recording of this number, if that still goes on.
pub fn task(number: u64, name: &str) -> Option<u32> {
    with_number(number, |recording| recording.recorder.task(name))
}

/// Writes a task's name again.
pub fn name_task(number: u64, serial: u32, name: &str) {
    with_number(number, |recording| recording.recorder.name_task(serial, name));
}

/// Records that tasks have ended. The calling thread, whose recorder this is, was the last to run them.
pub fn end_tasks(number: u64, serials: &[u32], thread: &mut ThreadRecorder) {
    with_number(number, |recording| serials.iter().for_each(|serial| recording.recorder.end_task(*serial, thread)));
}

/// Makes a recorder for the calling thread in the recording that goes on. Returns the recording's number, the thread's
/// serial and the recorder.
pub fn attach_thread() -> Option<(u64, u32, NonNull<ThreadRecorder>)> {
    with(None, |recording| {
        let thread = recording.recorder.attach();
        // SAFETY: made just now. Others reach it only with the lock that is held here.
        let serial = unsafe { thread.as_ref() }.serial();
        Some((number(), serial, thread))
    })
}

/// Writes a thread's name.
pub fn name_thread(number: u64, serial: u32, name: &str) {
    with_number(number, |recording| recording.recorder.name_thread(serial, name));
}

/// Ends the recorder of a thread that ends, unless its recording has ended before.
pub fn retire_thread(number: u64, serial: u32) {
    with_number(number, |recording| recording.recorder.retire(serial));
}

/// Records the calls that are open on all threads as if they returned now. Only after [`end`](super::end), which falls
/// into no hook: so no thread uses its recorder.
pub fn finish_open_calls() {
    with((), |recording| recording.recorder.close_frames(Kind::Return));
}

/// Records the calls that are open on all threads as calls whose end is unknown. The caller does so exclusively: no
/// thread is inside a hook.
pub fn abandon_open_calls() {
    with((), |recording| recording.recorder.close_frames(Kind::Open));
}
