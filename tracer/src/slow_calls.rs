//! Tells a function of Python which calls took longer than a time that it has named.

use crate::recording;
use crate::sync::{Mutex, lock};
use crate::thread::current;
use pyo3::prelude::*;
use viztracer_recorder::ThreadRecorder;

/// What is told. Nobody runs Python with the lock.
static WATCHER: Mutex<Option<Py<PyAny>>> = Mutex::new(None);

/// Has this called with the name of the function and the duration in ns of each call that took long, on the thread of
/// the call; with `None`, nothing. Which calls that are, the recording says (`RecordingOptions`).
#[pyfunction]
pub fn watch_slow_calls(watcher: Option<Py<PyAny>>) {
    let before = std::mem::replace(&mut *lock(&WATCHER), watcher);
    drop(before); // may run Python
}

/// Tells of the calls on the calling thread that took long since this was done last. Runs Python.
pub fn tell(python: Python<'_>) {
    // SAFETY: `take_slow` reads and writes a list of numbers.
    let Some(slow) = (unsafe { current::with_existing(python, ThreadRecorder::take_slow) }) else { return };
    for call in slow {
        let (name, duration) = recording::slow_call(call);
        let watcher = lock(&WATCHER).as_ref().map(|watcher| watcher.clone_ref(python));
        if let Some(Err(error)) = watcher.map(|watcher| watcher.call1(python, (name, duration))) {
            error.write_unraisable(python, None);
        }
    }
}
