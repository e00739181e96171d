//! Windows has no signals that end a process. A process that is ended from outside, by a fault, by Ctrl+Break or with its
//! console leaves its file as it is: the file does not say how it ended. Ctrl+C is the interpreter's.

use std::ffi::c_int;

/// Does nothing: there is nothing to watch.
#[pyo3::pyfunction]
#[pyo3(name = "watch_deadly_signals")]
pub fn watch() {}

/// Does nothing: what the program has chosen by `signal.signal` is between it and the interpreter.
pub fn rearm(_: c_int) {}
