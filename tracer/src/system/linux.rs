//! Linux.

pub use super::unix::*;

use pyo3::prelude::*;
use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// Adds nothing: the Python package for this system asks the system itself.
pub fn add_functions(_: &Bound<'_, PyModule>) -> PyResult<()> {
    Ok(())
}

/// Notes which thread is the main thread: the system knows.
pub fn note_main_thread(_: Python<'_>) {}

/// Whether this is the main thread, on which Python handles signals.
pub fn is_main_thread() -> bool {
    rustix::thread::gettid() == rustix::process::getpid()
}

/// The time, to a few milliseconds, which is a fifth of the time that a precise one takes.
pub fn coarse_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::MonotonicCoarse)).unwrap_or_default()
}
