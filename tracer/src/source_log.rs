//! The object that instrumented source code calls. Its methods do not raise what the code of a value raises, and calls
//! of them are not recorded.

use crate::daemon::sleep_if_thread_ends;
use crate::logged::interruption::is_for_program;
use pyo3::call::PyCallArgs;
use pyo3::ffi::PyObject;
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

    /// Logs a value as an instant, and returns it.
    fn assigned<'py>(&self, name: &Bound<'py, PyString>, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.variable(name, value)?;
        Ok(value.clone())
    }

    /// Logs the value of an attribute as an instant, unless reading it fails.
    fn attribute(
        &self,
        name: &Bound<'_, PyString>,
        owner: &Bound<'_, PyAny>,
        attribute: &Bound<'_, PyString>,
    ) -> PyResult<()> {
        let python = name.py();
        let is_enabled = |tracer: Bound<'_, PyAny>| tracer.getattr(intern!(python, "enable"))?.is_truthy();
        if global_tracer(python).is_none_or(|tracer| !is_enabled(tracer).unwrap_or(false)) {
            return Ok(());
        }
        match or_for_program(python, read(owner, attribute))? {
            Some(value) => self.variable(name, &value),
            None => Ok(()),
        }
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
    let Some(tracer) = global_tracer(method.py()) else { return Ok(None) };
    or_for_program(method.py(), tracer.call_method1(method, arguments))
}

/// Drops an exception, unless it is one for the program that has arrived meanwhile.
fn or_for_program<'py>(
    python: Python<'py>,
    result: PyResult<Bound<'py, PyAny>>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    result.map(Some).or_else(|error| {
        let error = error.into_value(python).into_bound(python); // which has its traceback then
        if is_for_program(&error) { Err(PyErr::from_value(error.into_any())) } else { Ok(None) }
    })
}

// As in pyo3, except that the end of a thread may unwind through it.
#[allow(clashing_extern_declarations, reason = "pyo3 declares the same function as never unwinding")]
unsafe extern "C-unwind" {
    fn PyObject_GetAttr(owner: *mut PyObject, name: *mut PyObject) -> *mut PyObject;
}

/// Reads an attribute, which may run code of the program.
fn read<'py>(owner: &Bound<'py, PyAny>, attribute: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: two living objects.
    let value = sleep_if_thread_ends(|| unsafe { PyObject_GetAttr(owner.as_ptr(), attribute.as_ptr()) });
    // SAFETY: NULL with an exception, or a new reference.
    unsafe { Bound::from_owned_ptr_or_err(owner.py(), value) }
}

/// Returns the tracer that is the global one; `None` if there is none.
fn global_tracer(python: Python<'_>) -> Option<Bound<'_, PyAny>> {
    static BUILTINS: PyOnceLock<Py<PyDict>> = PyOnceLock::new();
    let builtins = BUILTINS.get_or_try_init(python, || python.import("builtins").map(|module| module.dict().unbind()));
    let tracer = builtins.ok()?.bind(python).get_item(intern!(python, "__viz_tracer__")).ok()??;
    (!tracer.is_none()).then_some(tracer)
}
