//! Calls as data for Python: an object with `__arrow_c_stream__`, the PyCapsule interface of Arrow.
//!
//! A reader may ask for batches on any thread, with the GIL or without. A thread that holds it lets it go meanwhile.
//! Signals are handled where Python handles them: on a thread with the GIL, which is the main thread or learns of none,
//! and on the main thread without it.

use crate::command::reason;
use crate::system::is_main_thread;
use arrow_array::ffi::FFI_ArrowSchema;
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};
use pyo3::exceptions::{PyRuntimeError, PyRuntimeWarning, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use std::cell::RefCell;
use std::ffi::{CString, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use viztracer_merge::{CallStream, MergeError, Regex, Request, Selection, Watch};

/// The calls of some ring files and traces in JSON, as they were when this object was made.
#[pyclass(frozen, module = "viztracer.snaptrace")]
pub struct Calls {
    calls: Arc<viztracer_merge::Calls>,
    losses: Arc<Mutex<Vec<String>>>,
}

/// Opens the inputs, and plans what to read of them. Cuts are words as the command `viztracer-merge` takes them.
#[pyfunction]
#[pyo3(signature = (
    inputs, *, since, until, last, as_of, pids, process_names, tids, func, min_duration, max_depth, drop_c_functions
))]
#[allow(clippy::too_many_arguments, reason = "they are the options of the command")]
pub fn open_calls(
    python: Python<'_>,
    inputs: Vec<PathBuf>,
    since: Option<&str>,
    until: Option<&str>,
    last: Option<&str>,
    as_of: Option<&str>,
    pids: Vec<u32>,
    process_names: Vec<String>,
    tids: Vec<u64>,
    func: Option<&str>,
    min_duration: Option<&str>,
    max_depth: Option<u32>,
    drop_c_functions: bool,
) -> PyResult<Calls> {
    let duration = |name, word: Option<&str>| parsed(name, word, viztracer_merge::parse_duration);
    let selection = Selection {
        since: parsed("since", since, FromStr::from_str)?,
        until: parsed("until", until, FromStr::from_str)?,
        last: duration("last", last)?,
        as_of: parsed("as_of", as_of, FromStr::from_str)?,
        pids,
        process_names,
        tids,
        functions: parsed("func", func, Regex::new)?,
        min_duration: duration("min_duration", min_duration)?,
        max_depth,
        drop_c_functions,
    };
    let request = Request { selection, ..Request::new(inputs, PathBuf::new()) };
    let (opened, interruption) = python.detach(|| watched(|watch| viztracer_merge::Calls::open(request, watch)));
    if let Some(interruption) = interruption {
        return Err(interruption);
    }
    let calls = opened.map_err(|error| match error {
        MergeError::NoTime(_) => PyValueError::new_err(error.to_string()),
        error => PyRuntimeError::new_err(reason(&error)),
    })?;
    let summary = calls.summary();
    summary.bad.iter().try_for_each(|bad| warn(python, &bad.to_string()))?;
    let losses = Arc::new(Mutex::new(summary.missing()));
    Ok(Calls { calls: Arc::new(calls), losses })
}

/// Reads a word by `parse`; what it cannot read is an error with this name.
fn parsed<T, E: ToString>(name: &str, word: Option<&str>, parse: impl Fn(&str) -> Result<T, E>) -> PyResult<Option<T>> {
    let parsed = word.map(parse).transpose();
    parsed.map_err(|error| PyValueError::new_err(format!("{name}: {}", error.to_string())))
}

#[pymethods]
impl Calls {
    /// What is missing: a line for each input of which something is. Damage inside of an input is known when it was
    /// read to the end.
    #[getter]
    fn losses(&self) -> Vec<String> {
        self.losses.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Begins to read the calls.
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        python: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        drop(requested_schema); // the interface allows to give the schema that there is
        let stream = self.stream()?;
        let reader = Reader { stream, losses: Arc::clone(&self.losses), is_over: false };
        PyCapsule::new_with_value(python, FFI_ArrowArrayStream::new(Box::new(reader)), c"arrow_array_stream")
    }

    /// The columns.
    fn __arrow_c_schema__<'py>(&self, python: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        let schema = FFI_ArrowSchema::try_from(&*self.stream()?.schema());
        let schema = schema.map_err(|error| PyRuntimeError::new_err(error.to_string()))?;
        PyCapsule::new_with_value(python, schema, c"arrow_schema")
    }

    fn __repr__(&self) -> String {
        match self.calls.summary().files.len() {
            1 => "<viztracer calls of 1 process>".to_owned(),
            count => format!("<viztracer calls of {count} processes>"),
        }
    }
}

impl Calls {
    fn stream(&self) -> PyResult<CallStream> {
        self.calls.stream().map_err(|error| PyValueError::new_err(error.to_string()))
    }
}

/// The calls as a reader of Arrow pulls them.
struct Reader {
    stream: CallStream,
    losses: Arc<Mutex<Vec<String>>>,
    is_over: bool,
}

impl Iterator for Reader {
    type Item = Result<RecordBatch, ArrowError>;

    /// The next batch. After an error there is none: a part of the calls would be missing.
    fn next(&mut self) -> Option<Result<RecordBatch, ArrowError>> {
        if self.is_over {
            return None;
        }
        // A reader in another language cannot pass a panic on.
        let next = catch_unwind(AssertUnwindSafe(|| self.pull()));
        let next = next.unwrap_or_else(|_| Err(ArrowError::ComputeError("a worker has panicked".into())));
        self.is_over = !matches!(next, Ok(Some(_)));
        next.transpose()
    }
}

impl RecordBatchReader for Reader {
    fn schema(&self) -> SchemaRef {
        self.stream.schema()
    }
}

impl Reader {
    fn pull(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        // SAFETY: may be called by every thread.
        let holds_gil = unsafe { ffi::PyGILState_Check() } == 1;
        let asks = holds_gil || is_main_thread();
        let mut next = || match asks {
            true => watched(|watch| self.stream.next(watch)),
            false => (self.stream.next(&()), None),
        };
        // SAFETY: just checked.
        let (pulled, interruption) = if holds_gil { unsafe { Python::assume_attached() }.detach(next) } else { next() };
        if let Some(interruption) = interruption {
            return Err(with_gil(|_| {
                let error = shown(&interruption, "interrupted by ");
                raise_soon(interruption);
                error
            }));
        }
        if let Ok(None) = pulled {
            self.end(asks)?;
        }
        pulled
    }

    /// Tells what is missing, and warns of damage that nobody knew of when the inputs were opened.
    fn end(&self, asks: bool) -> Result<(), ArrowError> {
        let summary = self.stream.summary();
        *self.losses.lock().unwrap_or_else(PoisonError::into_inner) = summary.missing();
        let damaged = summary.damaged();
        if !asks {
            return Ok(());
        }
        with_gil(|python| damaged.iter().try_for_each(|line| warn(python, line)).map_err(|error| shown(&error, "")))
    }
}

/// Does some work with the GIL. pyo3 does not notice that a reader has let the GIL go on a thread that pyo3 has called
/// the program on, as the command `viztracer` does, and would not take it.
fn with_gil<T>(work: impl FnOnce(Python<'_>) -> T) -> T {
    // SAFETY: may be called by every thread while the interpreter lives, which it does as long as the main thread, or
    // one that had the GIL, is here.
    let state = unsafe { ffi::PyGILState_Ensure() };
    // SAFETY: the GIL is held now.
    let done = work(unsafe { Python::assume_attached() });
    // SAFETY: ensured above, on this thread.
    unsafe { ffi::PyGILState_Release(state) };
    done
}

/// An exception as the error of a stream. The GIL must be held: the text may be made by Python.
fn shown(error: &PyErr, before: &str) -> ArrowError {
    // The interface ends a text at its first zero.
    ArrowError::ExternalError(format!("{before}{error}").replace('\0', "\\0").into())
}

fn warn(python: Python<'_>, line: &str) -> PyResult<()> {
    let text = CString::new(line)?;
    PyErr::warn(python, &python.get_type::<PyRuntimeWarning>(), &text, 2)
}

/// Stops at a signal whose handler raises, and holds what it raised.
#[derive(Default)]
struct SignalWatch(RefCell<Option<PyErr>>);

/// Does work that a signal may stop; returns what that has raised, too.
fn watched<T>(work: impl FnOnce(&dyn Watch) -> T) -> (T, Option<PyErr>) {
    let watch = SignalWatch::default();
    let done = work(&watch);
    (done, watch.0.into_inner())
}

impl Watch for SignalWatch {
    fn stopped(&self) -> bool {
        let mut raised = self.0.borrow_mut();
        if raised.is_none() {
            *raised = with_gil(|python| python.check_signals().err());
        }
        raised.is_some()
    }
}

/// Raises an exception in the main thread as soon as that runs Python. A reader of a stream gets only the text of an
/// error, and would make an exception of another type of it.
fn raise_soon(error: PyErr) {
    let error = Box::into_raw(Box::new(error)).cast::<c_void>();
    // SAFETY: `raise` takes the box, once.
    if unsafe { ffi::Py_AddPendingCall(Some(raise), error) } != 0 {
        // SAFETY: nobody else has it.
        drop(unsafe { Box::from_raw(error.cast::<PyErr>()) });
    }
}

extern "C" fn raise(error: *mut c_void) -> c_int {
    // SAFETY: made by `raise_soon`, and passed on once.
    let error = *unsafe { Box::from_raw(error.cast::<PyErr>()) };
    with_gil(|python| error.restore(python));
    -1
}
