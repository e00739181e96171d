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

/// Has the interpreter call us on every event that is to be recorded, on all threads.
pub fn install(python: Python<'_>, c_functions: bool) -> PyResult<()> {
    offered::install(python, c_functions)
}

/// Ends that.
pub fn uninstall(python: Python<'_>) -> PyResult<()> {
    offered::uninstall(python)
}
