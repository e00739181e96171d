//! Which hook this interpreter offers: `sys.monitoring` from 3.12 on, `PyEval_SetProfile` before.

use pyo3::prelude::*;

#[cfg(Py_3_12)]
mod monitoring;
#[cfg(not(Py_3_12))]
mod profile;

#[cfg(Py_3_12)]
use monitoring as offered;
#[cfg(not(Py_3_12))]
use profile as offered;

/// What is to be recorded besides Python functions.
#[derive(Clone, Copy)]
pub struct Wanted {
    /// C functions.
    pub c_functions: bool,
    /// Which asyncio task calls them all.
    pub tasks: bool,
}

/// Has the interpreter call us on every event that is to be recorded, on all threads.
pub fn install(python: Python<'_>, wanted: Wanted) -> PyResult<()> {
    offered::install(python, wanted)
}

/// Ends that.
pub fn uninstall(python: Python<'_>) -> PyResult<()> {
    offered::uninstall(python)
}
