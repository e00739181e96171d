//! Windows has no namespaces that a process could change.

use pyo3::prelude::*;

/// Does nothing.
pub fn watch(_: Python<'_>) -> PyResult<()> {
    Ok(())
}
