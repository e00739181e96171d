//! Which hook this interpreter offers: `sys.monitoring` from 3.12 on, `PyEval_SetProfile` before.

use pyo3::prelude::*;
use std::sync::{Mutex, PoisonError};

mod logged;
#[cfg(Py_3_12)]
mod monitoring;
#[cfg(not(Py_3_12))]
mod profile;
mod profile_function;
#[cfg(not(Py_3_12))]
mod thread_list;
mod wanted;

#[cfg(Py_3_12)]
use monitoring as offered;
#[cfg(not(Py_3_12))]
use profile as offered;
pub use wanted::Wanted;

/// What was wanted last.
static WANTED: Mutex<Wanted> = Mutex::new(Wanted { c_functions: false, tasks: false });

/// Has the interpreter call us on every event that is to be recorded, on all threads.
pub fn install(python: Python<'_>, wanted: Wanted) -> PyResult<()> {
    *WANTED.lock().unwrap_or_else(PoisonError::into_inner) = wanted;
    profile_function::watch(python)?;
    offered::install(python, wanted)
}

/// If the hook is gone and nobody else has its place, puts it back and tells so.
pub fn mend(python: Python<'_>) -> PyResult<bool> {
    let wanted = *WANTED.lock().unwrap_or_else(PoisonError::into_inner);
    offered::mend(python, wanted)
}

/// Ends that; tells whether the hook was still in its place. Takes out only what is ours.
pub fn uninstall(python: Python<'_>) -> PyResult<bool> {
    offered::uninstall(python)
}
