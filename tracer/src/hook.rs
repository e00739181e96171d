//! Which hook this interpreter offers: `sys.monitoring` from 3.12 on, `PyEval_SetProfile` before.

use crate::sync::{Mutex, lock};
use pyo3::prelude::*;

#[cfg(Py_3_12)]
mod monitoring;
mod options;
#[cfg(not(Py_3_12))]
mod profile;
mod profile_function;

#[cfg(Py_3_12)]
use monitoring as offered;
pub use options::EventOptions;
#[cfg(not(Py_3_12))]
use profile as offered;

/// What was wanted last.
static WANTED: Mutex<EventOptions> = Mutex::new(EventOptions { c_functions: false, tasks: false });

/// Has the interpreter call us on every event that is to be recorded, on all threads.
pub fn install(python: Python<'_>, wanted: EventOptions) -> PyResult<()> {
    *lock(&WANTED) = wanted;
    profile_function::watch(python)?;
    offered::install(python, wanted)
}

/// If the hook is gone and nobody else has its place, puts it back and tells so.
pub fn mend(python: Python<'_>) -> PyResult<bool> {
    let wanted = *lock(&WANTED);
    offered::mend(python, wanted)
}

/// Ends that; tells whether the hook was still in its place. Takes out only what is ours.
pub fn uninstall(python: Python<'_>) -> PyResult<bool> {
    offered::uninstall(python)
}
