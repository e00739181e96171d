//! The report of a run whose first process ends by `os._exit`: it has the report written, or says how to get it.
//!
//! A command was prepared for that when the run began, and a line for the case that it fails. A process that is ended
//! from outside, or by a fault, writes neither.

use crate::background::{parts, process};
use crate::sync::{Mutex, lock};
use pyo3::prelude::*;
use std::ffi::OsString;
use std::io::Write;
use std::sync::Arc;

/// What is prepared for the end of this process; `None`: nothing. Nobody runs Python with the lock.
static PREPARED: Mutex<Option<Arc<ExitReport>>> = Mutex::new(None);

struct ExitReport {
    /// Empty for none.
    command: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    line: String,
}

/// Prepares for an end of this process without Python: the command is run first, and `line` written to stderr if that
/// fails. The first argument is the program's path, the environment is `NAME=value`. With an empty command, only the
/// line is written.
#[pyfunction]
pub fn arm_exit_report(command: Vec<OsString>, environment: Vec<OsString>, line: OsString) -> PyResult<()> {
    let environment = environment.iter().filter_map(|variable| parts(variable)).collect();
    let line = line.to_string_lossy().into_owned();
    *lock(&PREPARED) = Some(Arc::new(ExitReport { command, environment, line }));
    Ok(())
}

/// Takes back what [`arm_exit_report`] did.
#[pyfunction]
pub fn disarm_exit_report() {
    *lock(&PREPARED) = None;
}

/// Prepares a line alone, for a recording inside of a program. Does nothing if the whole program is a run, for which
/// [`arm_exit_report`] was called.
#[pyfunction]
pub fn arm_exit_line(line: OsString) -> PyResult<()> {
    if is_armed() { Ok(()) } else { arm_exit_report(Vec::new(), Vec::new(), line) }
}

/// Takes back what [`arm_exit_line`] did.
#[pyfunction]
pub fn disarm_exit_line() {
    if lock(&PREPARED).as_ref().is_some_and(|report| report.command.is_empty()) {
        disarm_exit_report();
    }
}

/// Whether this is the first process of a run whose report is not written yet.
pub fn is_armed() -> bool {
    lock(&PREPARED).is_some()
}

/// Has the report written, or writes the line, if this process is prepared for that.
pub fn write_undisturbed() {
    let prepared = lock(&PREPARED).clone();
    if let Some(report) = prepared
        && !report.run()
    {
        let _ = std::io::stderr().write_all(report.line.as_bytes());
    }
}

impl ExitReport {
    /// Runs the command and waits for its end. Returns whether it ended well.
    fn run(&self) -> bool {
        !self.command.is_empty()
            && process(&self.command, &self.environment).status().is_ok_and(|status| status.success())
    }
}
