//! `snaptrace.Tracer`, the base class of `viztracer.VizTracer`: what Python needs of the recording, and no more.

mod options;

use crate::ending::child_exits;
use crate::ending::deadly_signal;
use crate::ending::exit_calls;
use crate::ending::last_memory;
use crate::exclusive::exclusively;
use crate::logged::json::text;
use crate::logged::{event, options as logged_options, scale};
use crate::process::{fork, lifecycle, namespaces, switching, watcher};
use crate::recording::{self, Phase};
use crate::thread::{calls, current};
use crate::{due, hook};
use options::{RecordingOptions, RingDirectory};
use pyo3::exceptions::{PyRuntimeWarning, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyFloat, PyInt, PyString, PyTuple};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use viztracer_format::clock::Anchor;
use viztracer_recorder::clock::Clock;
use viztracer_recorder::switches::Wanted;

/// When this module was imported, for a first estimate of the tick rate.
static IMPORTED: OnceLock<Anchor> = OnceLock::new();

/// Records the time of the import, once.
pub fn note_import() {
    IMPORTED.get_or_init(|| Clock::detect().anchor());
}

fn imported() -> Anchor {
    IMPORTED.get().copied().unwrap_or_default()
}

impl Tracer {
    /// Whether this tracer records now, so that it takes what is logged.
    pub fn records(&self) -> bool {
        recording::current() != 0 && recording::phase(self.number) == Some(Phase::Recording)
    }

    /// Logs something, if this tracer records; then looks at the session's switches.
    fn log<T>(&self, python: Python<'_>, event: impl FnOnce() -> T) -> Option<T> {
        let logged = self.records().then(event);
        if logged.is_some() || due::is_waiting() {
            switching::follow(python);
        }
        logged
    }
}

/// Records the calls of this process into a ring file. There is one recording per process, whichever object began it.
#[pyclass(subclass, frozen, module = "viztracer.snaptrace")]
pub struct Tracer {
    /// Unlike that of any other tracer of this process and its forks.
    number: u64,
}

#[pymethods]
impl Tracer {
    /// Takes and ignores the arguments of subclasses.
    #[new]
    #[pyo3(signature = (*_arguments, **_keywords))]
    fn new(_arguments: &Bound<'_, PyTuple>, _keywords: Option<&Bound<'_, PyDict>>) -> Tracer {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Tracer { number: LAST.fetch_add(1, Ordering::Relaxed) + 1 }
    }

    /// Makes this the tracer that records the process; false if another one does, or this one already. Each `claim` is
    /// followed by a `record` or a `release`.
    fn claim(&self, python: Python<'_>) -> bool {
        current::ensure_own_file(python);
        lifecycle::claim(python, self.number)
    }

    /// Takes a `claim` back.
    fn release(&self) {
        recording::release(self.number);
    }

    /// Whether this tracer records, or would if the session were not paused.
    #[getter]
    fn enable(&self) -> bool {
        // A child that only asks this gets no file for it.
        recording::phase(self.number) == Some(Phase::Paused) || self.records()
    }

    /// Whether this tracer takes what is logged.
    #[getter]
    fn is_recording(&self) -> bool {
        self.records()
    }

    /// Whether the process's recording is this tracer's: it records, or is about to, or has stopped and not saved.
    #[getter]
    fn is_busy(&self) -> bool {
        recording::phase(self.number).is_some()
    }

    /// Begins to record into this directory, or goes on in the ring file there is. `package` is the Python package's
    /// own directory. Records nothing if the session has stopped, and nothing for now if it is paused.
    fn record(
        &self,
        python: Python<'_>,
        options: RecordingOptions,
        rings: RingDirectory,
        package: String,
    ) -> PyResult<()> {
        logged_options::set_bytes_per_value(options.bytes_per_value);
        let session = switching::join(rings.address(), imported());
        if session == Wanted::Stopped {
            return Ok(());
        }
        let (recorder, filter, wanted) = options.split(python, rings, package, imported())?;
        fork::watch();
        current::ensure_own_file(python);
        last_memory::keep();
        deadly_signal::watch();
        exit_calls::watch(python)?;
        child_exits::watch(python)?;
        namespaces::watch(python)?;
        lifecycle::start(python, self.number, &recorder, filter, wanted)?;
        if session == Wanted::Paused {
            switching::pause(python);
        }
        Ok(())
    }

    /// Ends recording; the file stays open for another start. Calls that are open stay so, or with `flush_as_finish`
    /// are recorded as if they returned now.
    #[pyo3(signature = (flush_as_finish = false))]
    fn halt(&self, python: Python<'_>, flush_as_finish: bool) -> PyResult<()> {
        current::ensure_own_file(python);
        let stopped = lifecycle::stop(python, self.number, flush_as_finish);
        if !recording::is_paused() {
            watcher::forget();
        }
        stopped
    }

    /// Ends recording, seals the tracer's ring file and returns its path; `None` if it has none.
    fn seal(&self, python: Python<'_>) -> PyResult<Option<OsString>> {
        current::ensure_own_file(python);
        Ok(lifecycle::seal(python, self.number)?.map(PathBuf::into_os_string))
    }

    /// Installs the hook again if the program has removed it and installed no other one, and counts the gap.
    fn mend(&self, python: Python<'_>) -> PyResult<()> {
        lifecycle::mend(python, self.number)
    }

    /// The path of the ring file while there is one.
    #[getter]
    fn ring_file(&self, python: Python<'_>) -> Option<OsString> {
        current::ensure_own_file(python);
        recording::path().map(PathBuf::into_os_string)
    }

    /// Why the file could not grow to its full size, as an error number; 0: many threads used all of its segments.
    #[getter]
    fn ring_failure(&self, python: Python<'_>) -> Option<i32> {
        current::ensure_own_file(python);
        recording::failure()
    }

    /// Whether somebody has removed the ring file.
    #[getter]
    fn ring_removed(&self, python: Python<'_>) -> bool {
        current::ensure_own_file(python);
        recording::removed()
    }

    /// Names the process in the report.
    fn name_process(&self, python: Python<'_>, name: &str) {
        current::ensure_own_file(python);
        recording::name_process(name);
    }

    /// Marks the current time, by which this process's file can be aligned with others.
    fn set_sync_marker(&self, python: Python<'_>) -> PyResult<()> {
        current::ensure_own_file(python);
        let problem = match recording::mark_sync() {
            Some(false) => return Ok(()),
            Some(true) => c"Synchronization marker already set",
            None => c"Synchronization marker not set: nothing is recorded yet",
        };
        PyErr::warn(python, &python.get_type::<PyRuntimeWarning>(), problem, 1)
    }

    /// The time that was marked, in microseconds of the monotonic clock.
    fn get_sync_marker(&self, python: Python<'_>) -> Option<f64> {
        current::ensure_own_file(python);
        recording::sync_marker().map(|nanoseconds| nanoseconds as f64 / 1000.0)
    }

    /// `max_stack_depth` does not count the calls that are open now on this thread, except the `inner` innermost.
    fn count_depth_from_here(&self, python: Python<'_>, inner: usize) {
        current::ensure_own_file(python);
        calls::count_depth_from_here(python, inner);
    }

    /// In a recording with `log_sparse`, records the calls of this thread from now on, nested up to `depth`.
    fn begin_calls(&self, python: Python<'_>, depth: usize) -> PyResult<()> {
        switching::follow(python);
        if !self.records() {
            return Ok(());
        }
        hook::record_calls(python, true)?; // calls functions of Python
        current::ensure_own_file(python);
        calls::limit_depth(python, depth);
        Ok(())
    }

    /// Records no calls of this thread any more. `others`: other threads still record theirs.
    fn end_calls(&self, python: Python<'_>, others: bool) -> PyResult<()> {
        if !self.enable() {
            return Ok(());
        }
        current::ensure_own_file(python);
        calls::limit_depth(python, 0);
        if !others {
            hook::record_calls(python, false)?;
            exclusively(python, recording::abandon_open_calls);
        }
        Ok(())
    }

    /// Returns that fitted no open call.
    #[getter]
    fn ring_unmatched(&self, python: Python<'_>) -> u64 {
        current::ensure_own_file(python);
        recording::unmatched()
    }

    /// Whether the program was seen to switch greenlets.
    #[getter]
    fn switches_greenlets(&self, python: Python<'_>) -> bool {
        current::ensure_own_file(python);
        recording::is_switched()
    }

    /// Sets what the next recording logs of calls: arguments, return values, and the function that shows them.
    #[pyo3(signature = (*, func_args = false, func_retval = false, func_repr = None))]
    fn log_calls(&self, func_args: bool, func_retval: bool, func_repr: Option<Py<PyAny>>) {
        logged_options::set(func_args, func_retval, func_repr);
    }

    /// Logs an instant.
    #[pyo3(signature = (name, args = None, scope = None))]
    fn add_instant(
        &self,
        name: &Bound<'_, PyString>,
        args: Option<&Bound<'_, PyAny>>,
        scope: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let scope = match scope {
            None => "g",
            Some(scope) => match scope.cast::<PyString>() {
                Ok(scope) => scope.to_str().unwrap_or_default(),
                Err(_) => return Err(PyTypeError::new_err("Scope must be a string")),
            },
        };
        if !matches!(scope, "g" | "p" | "t") {
            return Err(PyValueError::new_err("Scope must be one of 'g', 'p', 't'"));
        }
        self.log(name.py(), || event::instant(name, args, scope));
        Ok(())
    }

    /// Logs the values of a counter.
    fn add_counter(&self, name: &Bound<'_, PyString>, args: &Bound<'_, PyAny>) {
        self.log(name.py(), || event::counter(name, args));
    }

    /// Logs a counter with one value, and returns whether the value is a number. Does nothing, as for a number, while
    /// this tracer does not record.
    fn add_number(&self, name: &Bound<'_, PyString>, key: &Bound<'_, PyString>, value: &Bound<'_, PyAny>) -> bool {
        let number = || {
            let is_number = value.is_instance_of::<PyInt>() || value.is_instance_of::<PyFloat>();
            if is_number {
                event::number(name, key, value);
            }
            is_number
        };
        self.log(name.py(), number).unwrap_or(true)
    }

    /// Logs an instant that is named after a variable and its value.
    fn add_assignment(&self, name: &Bound<'_, PyString>, value: &Bound<'_, PyAny>) {
        if self.records() {
            event::assignment(name, value);
        }
    }

    /// Logs the creation, the members or the deletion of an object.
    #[pyo3(signature = (ph, obj_id, name, args = None))]
    fn add_object(
        &self,
        ph: &Bound<'_, PyAny>,
        obj_id: &Bound<'_, PyAny>,
        name: &Bound<'_, PyAny>,
        args: Option<&Bound<'_, PyAny>>,
    ) {
        if self.records() {
            event::object(ph, obj_id, name, args);
        }
    }

    /// Logs an event of the Chrome trace format.
    fn add_raw(&self, raw: &Bound<'_, PyDict>) {
        self.log(raw.py(), || event::raw(raw, imported()));
    }

    /// Returns the time at which a block of code begins that is to be logged, as `getts` does; `None` while this tracer
    /// does not record.
    fn begin_block(&self) -> Option<f64> {
        self.enable().then(|| self.getts())
    }

    /// Logs a block of code that has begun at this time and ends now, if this tracer records.
    fn add_block(
        &self,
        event_name: &Bound<'_, PyAny>,
        file_name: &Bound<'_, PyAny>,
        lineno: &Bound<'_, PyAny>,
        start: f64,
    ) -> PyResult<()> {
        if self.enable() {
            let [name, file, line] = [event_name.str()?, file_name.str()?, lineno.str()?];
            let name = [&text(&name), " (", &text(&file), ":", &text(&line), ")"].concat();
            self.log(event_name.py(), || event::block(event_name.py(), &name, start, imported()));
        }
        Ok(())
    }

    /// Adds an argument to the innermost open call of this thread.
    fn add_func_args(&self, key: &Bound<'_, PyString>, value: &Bound<'_, PyAny>) {
        if self.records() {
            event::attach(key, value);
        }
    }

    /// Adds an assignment to the list of those that are shown with the innermost open call of this thread.
    fn add_func_exec(&self, name: &Bound<'_, PyAny>, val: &Bound<'_, PyAny>, lineno: &Bound<'_, PyAny>) {
        if self.records() {
            event::assignment_in_call(name, val, lineno);
        }
    }

    /// Returns what was added to the innermost open call of this thread, as JSON; `None` if nothing was.
    fn func_args_json<'py>(&self, python: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let json = if self.records() { event::attached(python) } else { None };
        let bytes = |json: Vec<u8>| {
            PyBytes::new_with(python, json.len(), |bytes| {
                bytes.copy_from_slice(&json);
                Ok(())
            })
        };
        json.map(bytes).transpose()
    }

    /// Returns the current time in microseconds of the monotonic clock.
    fn getts(&self) -> f64 {
        scale::now(imported())
    }

    /// Returns the nanoseconds from the zero of the monotonic clock to that of the wall clock.
    fn get_base_time(&self) -> i64 {
        scale::base_time(imported())
    }

    /// The calling thread is not recorded until `resume` is called as often.
    fn pause(&self) {
        current::pause();
    }

    /// Ends a `pause`.
    fn resume(&self) {
        current::resume();
    }
}
