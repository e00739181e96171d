//! `snaptrace.Tracer`, the base class of `viztracer.VizTracer`: what Python needs of the recording, and no more.

use crate::filter::Filter;
use crate::{current, fork, hook, session, thread_name};
use pyo3::exceptions::{PyOSError, PyRuntimeWarning, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use pyo3::{PyTypeInfo, ffi};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::OnceLock;
use viztracer_format::clock::Anchor;
use viztracer_recorder::Options;
use viztracer_recorder::clock::Clock;

/// The moment this module was imported, for a first estimate of the tick rate.
static IMPORTED: OnceLock<Anchor> = OnceLock::new();

/// Notes that moment.
pub fn note_import() {
    IMPORTED.get_or_init(|| Clock::detect().anchor());
}

/// Records the calls of this process into a ring file. There is one recording per process, whichever object began it.
#[pyclass(subclass, module = "viztracer.snaptrace")]
#[derive(Default)]
pub struct Tracer {}

#[pymethods]
impl Tracer {
    /// Takes and ignores the arguments of subclasses.
    #[new]
    #[pyo3(signature = (*_arguments, **_keywords))]
    fn new(_arguments: &Bound<'_, PyTuple>, _keywords: Option<&Bound<'_, PyDict>>) -> Tracer {
        Tracer::default()
    }

    /// Begins to record, or goes on in the file there is. The keywords say what and where; see the stub file.
    #[pyo3(signature = (*, directory, prefix, entries, min_duration, max_stack_depth, c_functions, tasks,
                        ignore_frozen,                        include_files, exclude_files, package, runner, session_id))]
    #[allow(clippy::too_many_arguments, reason = "keyword arguments, each with its name at the call")]
    fn record(
        &self,
        python: Python<'_>,
        directory: PathBuf,
        prefix: String,
        entries: u64,
        min_duration: u64,
        max_stack_depth: i64,
        c_functions: bool,
        tasks: bool,
        ignore_frozen: bool,
        include_files: Vec<String>,
        exclude_files: Vec<String>,
        package: String,
        runner: String,
        session_id: [u8; 16],
    ) -> PyResult<()> {
        if entries == 0 {
            return Err(PyValueError::new_err("tracer_entries must be at least 1"));
        }
        let options = Options {
            directory,
            prefix,
            entries,
            min_duration,
            max_depth: usize::try_from(max_stack_depth).unwrap_or(usize::MAX),
            session_id,
            python_version: python_version(python),
            imported: IMPORTED.get().copied().unwrap_or_default(),
        };
        let filter = Filter { include_files, exclude_files, ignore_frozen, package, runner };
        fork::watch();
        fork::settle();
        session::start(&options, filter).map_err(|error| PyOSError::new_err(error.to_string()))?;
        hook::install(python, hook::Wanted { c_functions, tasks }).inspect_err(|_| session::stop(false))
    }

    /// Ends recording; the file stays open for another start. Calls that are open stay so, or with `flush_as_finish`
    /// are recorded as if they returned now.
    #[pyo3(signature = (flush_as_finish = false))]
    fn halt(&self, python: Python<'_>, flush_as_finish: bool) -> PyResult<()> {
        fork::settle();
        thread_name::renew(python);
        let uninstalled = hook::uninstall(python);
        session::stop(flush_as_finish);
        uninstalled
    }

    /// Seals the ring file and tells its path; `None` if there is none.
    fn seal(&self, python: Python<'_>) -> Option<OsString> {
        fork::settle();
        python.detach(session::close).map(PathBuf::into_os_string)
    }

    /// The path of the ring file while there is one.
    #[getter]
    fn ring_file(&self) -> Option<OsString> {
        fork::settle();
        session::path().map(PathBuf::into_os_string)
    }

    /// Why the file could not grow to its full size, as an error number; 0: many threads used all of its room.
    #[getter]
    fn ring_failure(&self) -> Option<i32> {
        fork::settle();
        session::failure()
    }

    /// Whether somebody has removed the ring file.
    #[getter]
    fn ring_removed(&self) -> bool {
        fork::settle();
        session::removed()
    }

    /// Names the process in the report.
    fn name_process(&self, name: &str) {
        fork::settle();
        session::name_process(name);
    }

    /// Marks this moment to align this process's file with others by.
    fn set_sync_marker(&self, python: Python<'_>) -> PyResult<()> {
        fork::settle();
        let problem = match session::mark_sync() {
            Some(false) => return Ok(()),
            Some(true) => c"Synchronization marker already set",
            None => c"Synchronization marker not set: nothing is recorded yet",
        };
        PyErr::warn(python, &python.get_type::<PyRuntimeWarning>(), problem, 1)
    }

    /// The moment that was marked, in microseconds of the monotonic clock.
    fn get_sync_marker(&self) -> Option<f64> {
        fork::settle();
        session::sync_marker().map(|nanoseconds| nanoseconds as f64 / 1000.0)
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

/// Whether this is a type of tracers; their methods are not recorded.
pub fn is_tracer(python: Python<'_>, kind: *mut ffi::PyTypeObject) -> bool {
    // SAFETY: two living types.
    unsafe { ffi::PyType_IsSubtype(kind, Tracer::type_object_raw(python)) != 0 }
}

/// `PY_VERSION_HEX` of the running interpreter, as a final release.
fn python_version(python: Python<'_>) -> u32 {
    let version = python.version_info();
    u32::from(version.major) << 24 | u32::from(version.minor) << 16 | u32::from(version.patch) << 8 | 0xf0
}
