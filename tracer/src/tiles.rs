//! Large traces for the viewer: a page with little detail, and tiles with more.

use crate::command::{reason, watched};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::path::PathBuf;
use viztracer_merge::{MergeError, Request, TileSettings, Watch, Where};

/// A large trace as it was when it was opened. All threads may use it.
#[pyclass(frozen, module = "viztracer.snaptrace")]
pub struct Tiles(viztracer_merge::Tiles);

/// Opens the trace of these ring files if it has more than `least` events. Its page will have about so many `calls`,
/// and calls this opening by the `id`.
#[pyfunction]
#[pyo3(signature = (inputs, *, least, calls, id, progress = false))]
pub fn open_tiles(
    python: Python<'_>,
    inputs: Vec<PathBuf>,
    least: u64,
    calls: u64,
    id: String,
    progress: bool,
) -> PyResult<Option<Tiles>> {
    let request = Request::new(inputs, PathBuf::new());
    let settings = TileSettings { least, calls, id };
    let opened = watched(python, progress, |watch| viztracer_merge::Tiles::open(request, settings, watch))?;
    Ok(opened.map_err(|error| raised(&error))?.map(Tiles))
}

#[pymethods]
impl Tiles {
    /// Writes the page; returns a line for each input that could not be read.
    #[pyo3(signature = (output, *, progress = false))]
    fn write_page(&self, python: Python<'_>, output: PathBuf, progress: bool) -> PyResult<Vec<String>> {
        let written = watched(python, progress, |watch| self.0.write_page(&output, watch))?;
        let summary = written.map_err(|error| raised(&error))?;
        Ok(summary.bad.iter().map(ToString::to_string).collect())
    }

    /// A tile of the time from `begin` to `end`, in which calls shorter than `shortest` may be merged, all in ns.
    /// `stopped` is asked several times a second whether nobody waits for it any more.
    fn tile<'py>(
        &self,
        python: Python<'py>,
        begin: u64,
        end: u64,
        shortest: u64,
        stopped: Py<PyAny>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let tile = python.detach(|| self.0.tile(begin..end, shortest, &Asker(stopped)));
        tile.map(|bytes| PyBytes::new(python, &bytes)).map_err(|error| raised(&error))
    }

    /// The functions of a time, as JSON: of all threads, or of some, each given by its file and its index in that, or
    /// by its file alone. `busy`: without calls that wait.
    fn functions<'py>(
        &self,
        python: Python<'py>,
        time: (u64, u64),
        threads: Option<Vec<Where>>,
        busy: bool,
        stopped: Py<PyAny>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let functions = python.detach(|| self.0.functions(time.0..time.1, threads, busy, &Asker(stopped)));
        functions.map(|bytes| PyBytes::new(python, &bytes)).map_err(|error| raised(&error))
    }
}

/// Stops if a function of Python says so, or raises.
struct Asker(Py<PyAny>);

impl Watch for Asker {
    fn stopped(&self) -> bool {
        Python::attach(|python| self.0.call0(python).and_then(|answer| answer.extract(python)).unwrap_or(true))
    }
}

fn raised(error: &MergeError) -> PyErr {
    PyRuntimeError::new_err(reason(error))
}
