//! The object that instrumented source code calls. Its methods do not raise what the code of a value raises, and calls
//! of them are not recorded.

use crate::daemon::sleep_if_thread_ends;
use crate::fallible::{Name, Text};
use crate::logged::interruption::is_for_program;
use pyo3::call::PyCallArgs;
use pyo3::ffi::{Py_buffer, PyBuffer_FillInfo, PyObject};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};
use std::ffi::c_int;

/// The builtin that holds the global tracer.
static GLOBAL_TRACER: Name = Name::new("__viz_tracer__");
/// What is asked of it.
static ENABLE: Name = Name::new("enable");
static ADD_ASSIGNMENT: Name = Name::new("add_assignment");
static ADD_NUMBER: Name = Name::new("add_number");
static ADD_FUNC_EXEC: Name = Name::new("add_func_exec");

/// An expression for a source log in another process: that of `snaptrace` if it is there, else one that does nothing.
const UNPICKLED: &str = "getattr(__import__('sys').modules.get('viztracer.snaptrace'), 'source_log', None) or \
    type('SourceLog', (), {'tracer': None, 'assigned': lambda self, name, value: value, **dict.fromkeys(\
    ('variable', 'attribute', 'number', 'step', 'comment', 'current_exception'), lambda *_, **__: None)})()";

/// The buffer of a source log, which `marshal` writes for it. Code in C marshals functions that it passes to other
/// interpreters: inserted calls there find these bytes instead of the log, and are skipped.
const PLACEHOLDER: &[u8] = b"viztracer.snaptrace.source_log\xb5\x1e\x9c\x07\xd2\x48";

/// Logs by the tracer that is the global one at that time, if it records. Instrumented code has the only one,
/// `snaptrace.source_log`, among its constants.
///
/// It works until the interpreter has ended: the code of `__del__` runs when modules and builtins are already cleared.
#[pyclass(frozen, module = "viztracer.snaptrace")]
pub struct SourceLog {
    builtins: Py<PyDict>,
    /// `sys.exc_info`.
    exception_info: Py<PyAny>,
}

impl SourceLog {
    /// Makes the log of this interpreter.
    pub fn new(python: Python<'_>) -> PyResult<SourceLog> {
        Ok(SourceLog {
            builtins: python.import("builtins")?.dict().unbind(),
            exception_info: python.import("sys")?.getattr("exc_info")?.unbind(),
        })
    }

    /// Returns the tracer that is the global one; `None` if there is none.
    fn global_tracer<'py>(&self, python: Python<'py>) -> Option<Bound<'py, PyAny>> {
        let tracer = self.builtins.bind(python).get_item(GLOBAL_TRACER.get(python).ok()?).ok()??;
        (!tracer.is_none()).then_some(tracer)
    }

    /// Calls a method of the global tracer. Returns `None` if there is no tracer, or if the method fails. An exception
    /// is one for the program that has arrived meanwhile.
    fn call<'py>(
        &self,
        python: Python<'py>,
        method: &Name,
        arguments: impl PyCallArgs<'py>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(tracer) = self.global_tracer(python) else { return Ok(None) };
        or_for_program(python, method.get(python).and_then(|method| tracer.call_method1(method, arguments)))
    }
}

#[pymethods]
impl SourceLog {
    /// The global tracer, if it records; inserted conditions ask for it.
    #[getter]
    fn tracer<'py>(&self, python: Python<'py>) -> Option<Bound<'py, PyAny>> {
        let is_enabled = |tracer: &Bound<'_, PyAny>| tracer.getattr(ENABLE.get(python)?)?.is_truthy();
        self.global_tracer(python).filter(|tracer| is_enabled(tracer).unwrap_or(false))
    }

    /// Logs a value as an instant.
    fn variable(&self, name: &Bound<'_, PyString>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.call(name.py(), &ADD_ASSIGNMENT, (name, value)).map(drop)
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
        if self.tracer(name.py()).is_none() {
            return Ok(());
        }
        match or_for_program(name.py(), read(owner, attribute))? {
            Some(value) => self.variable(name, &value),
            None => Ok(()),
        }
    }

    /// Logs a number as a counter, and any other value as an instant.
    fn number(&self, name: &Bound<'_, PyString>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        match self.call(name.py(), &ADD_NUMBER, (name, name, value))? {
            Some(is_number) if !is_number.is_truthy()? => self.variable(name, value),
            _ => Ok(()),
        }
    }

    /// Shows an assignment with the call that is open.
    fn step(&self, name: &Bound<'_, PyString>, value: &Bound<'_, PyAny>, line: &Bound<'_, PyAny>) -> PyResult<()> {
        self.call(name.py(), &ADD_FUNC_EXEC, (name, value, line)).map(drop)
    }

    /// Calls the method of the tracer that a comment names, if the tracer records.
    #[pyo3(signature = (method, *arguments, **keywords))]
    fn comment(
        &self,
        method: &Bound<'_, PyString>,
        arguments: &Bound<'_, PyTuple>,
        keywords: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        let python = method.py();
        let Some(tracer) = self.tracer(python) else { return Ok(()) };
        or_for_program(python, tracer.call_method(method, arguments, keywords)).map(drop)
    }

    /// Logs the exception that is being handled as an instant.
    fn current_exception(&self, name: &Bound<'_, PyString>) -> PyResult<()> {
        let python = name.py();
        match or_for_program(python, self.exception_info.bind(python).call0().and_then(|info| info.get_item(1)))? {
            Some(exception) => self.variable(name, &exception),
            None => Ok(()),
        }
    }

    /// Lets code objects be marshalled that have this among their constants.
    ///
    /// # Safety
    ///
    /// `view` is for this method to fill, as the interpreter's buffer protocol has it.
    unsafe fn __getbuffer__(slf: &Bound<'_, SourceLog>, view: *mut Py_buffer, flags: c_int) -> PyResult<()> {
        let (bytes, length) = (PLACEHOLDER.as_ptr().cast_mut().cast(), PLACEHOLDER.len() as isize);
        // SAFETY: `view` is to be filled, the object lives, and the bytes are there for ever and only read.
        match unsafe { PyBuffer_FillInfo(view, slf.as_ptr(), bytes, length, 1, flags) } {
            0 => Ok(()),
            _ => Err(PyErr::fetch(slf.py())),
        }
    }

    /// Lets code objects be pickled that have this among their constants. In a process without viztracer, they log
    /// nothing.
    fn __reduce__<'py>(&self, python: Python<'py>) -> PyResult<(Bound<'py, PyAny>, (&'static str,))> {
        Ok((self.builtins.bind(python).as_any().get_item(Text("eval"))?, (UNPICKLED,)))
    }
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
