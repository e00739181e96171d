//! macOS.

mod processes;

pub use super::unix::*;

use pyo3::prelude::*;
use pyo3::wrap_pyfunction;
use std::mem;
use std::time::Duration;

/// Adds what only the Python package for this system asks.
pub fn add_functions(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(processes::process_start, module)?)?;
    module.add_function(wrap_pyfunction!(processes::process_time, module)?)?;
    module.add_function(wrap_pyfunction!(processes::process_program, module)?)?;
    module.add_function(wrap_pyfunction!(processes::process_texts, module)?)?;
    module.add_function(wrap_pyfunction!(processes::process_children, module)?)?;
    module.add_function(wrap_pyfunction!(processes::boot_id, module)?)
}

/// Notes which thread is the main thread: the system knows.
pub fn note_main_thread(_: Python<'_>) {}

/// Whether this is the main thread, on which Python handles signals.
pub fn is_main_thread() -> bool {
    // SAFETY: takes nothing.
    unsafe { libc::pthread_main_np() != 0 }
}

/// The time, to a few milliseconds, which takes less time than a precise one.
pub fn coarse_time() -> Duration {
    // SAFETY: a structure of integers, for which zeros are valid.
    let mut time: libc::timespec = unsafe { mem::zeroed() };
    // SAFETY: a structure to write to.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_RAW_APPROX, &raw mut time) };
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}
