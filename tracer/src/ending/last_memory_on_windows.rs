//! Memory for the end of the process: none is kept on Windows, where memory is used up when the system has promised as
//! much as it has, not when a process has no more addresses.

use pyo3::prelude::*;

/// Does nothing.
pub fn keep() {}

/// Does nothing: no memory is kept.
#[pyfunction]
pub fn free_last_memory() {}
