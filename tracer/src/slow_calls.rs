//! Tells a function of Python which calls took longer than a time that it has named.

use crate::listener::Listener;
use crate::recording;
use crate::thread::current;
use pyo3::prelude::*;
use viztracer_recorder::ThreadRecorder;

static LISTENER: Listener = Listener::new();

/// Has this called with the name of the function and the duration in ns of each call that took long, on the thread of
/// the call; with `None`, nothing. Which calls that are, the recording says (`RecordingOptions`).
#[pyfunction]
pub fn watch_slow_calls(listener: Option<Py<PyAny>>) {
    LISTENER.set(listener);
}

/// Tells of the calls on the calling thread that took long since this was done last. Runs Python.
pub fn tell(python: Python<'_>) {
    // SAFETY: `take_slow` reads and writes a list of numbers.
    let Some(slow) = (unsafe { current::with_existing(python, ThreadRecorder::take_slow) }) else { return };
    for call in slow {
        LISTENER.tell(python, recording::slow_call(call));
    }
}
