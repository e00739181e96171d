//! The object that instrumented source code calls. Its methods do not raise what the code of a value raises, and calls
//! of them are not recorded.

use crate::logged::interruption::is_for_program;
use pyo3::call::PyCallArgs;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString};

/// Logs by the tracer that is the global one at that time, if it records. The base class of
/// `viztracer.instrument.log.SourceLog`.
#[pyclass(subclass, frozen, module = "viztracer.snaptrace")]
pub struct SourceLog;

#[pymethods]
impl SourceLog {
    #[new]
    fn new() -> SourceLog {
        SourceLog
    }

    /// Logs a value as an instant.
    fn variable(&self, name: &Bound<'_, PyString>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        call(intern!(name.py(), "add_assignment"), (name, value)).map(drop)
    }

    /// Logs a number as a counter, and any other value as an instant.
    fn number(&self, name: &Bound<'_, PyString>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        match call(intern!(name.py(), "add_number"), (name, name, value))? {
            Some(is_number) if !is_number.is_truthy()? => self.variable(name, value),
            _ => Ok(()),
        }
    }

    /// Shows an assignment with the call that is open.
    fn step(&self, name: &Bound<'_, PyString>, value: &Bound<'_, PyAny>, line: &Bound<'_, PyAny>) -> PyResult<()> {
        call(intern!(name.py(), "add_func_exec"), (name, value, line)).map(drop)
    }
}

/// Calls a method of the global tracer. Returns `None` if there is no tracer, or if the method fails. An exception is
/// one for the program that has arrived meanwhile.
fn call<'py>(method: &Bound<'py, PyString>, arguments: impl PyCallArgs<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let python = method.py();
    let Some(tracer) = global_tracer(python) else { return Ok(None) };
    tracer.call_method1(method, arguments).map(Some).or_else(|error| {
        let error = error.into_value(python).into_bound(python); // which has its traceback then
        if is_for_program(&error) { Err(PyErr::from_value(error.into_any())) } else { Ok(None) }
    })
}

/// Returns the tracer that is the global one; `None` if there is none.
fn global_tracer(python: Python<'_>) -> Option<Bound<'_, PyAny>> {
    static BUILTINS: PyOnceLock<Py<PyDict>> = PyOnceLock::new();
    let builtins = BUILTINS.get_or_try_init(python, || python.import("builtins").map(|module| module.dict().unbind()));
    let tracer = builtins.ok()?.bind(python).get_item(intern!(python, "__viz_tracer__")).ok()??;
    (!tracer.is_none()).then_some(tracer)
}
