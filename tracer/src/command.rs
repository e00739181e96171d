//! Merging for Python: the merge that ends a run, and `viztracer --combine`.

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use std::cell::RefCell;
use std::path::PathBuf;
use std::time::Duration;
use viztracer_merge::{Align, AsOf, Bar, MergeError, Request, Selection, Stage, Watch};

/// How many unreadable inputs an error lists.
const LISTED_MAX: usize = 3;

/// Merges these files into one report, with the messages of the command `viztracer-merge`; returns its exit status.
/// Runs are aligned at their marks if `align_start`, otherwise by their clocks.
#[pyfunction]
#[pyo3(signature = (inputs, output, *, align_start = false, quiet = false))]
pub fn combine(python: Python<'_>, inputs: Vec<PathBuf>, output: PathBuf, align_start: bool, quiet: bool) -> u8 {
    let align = if align_start { Align::Start } else { Align::Clock };
    python.detach(|| viztracer_merge::combine(&inputs, output, align, quiet, &signal_arrived))
}

/// What a merge did, as far as the end of a run prints it.
#[pyclass(frozen, get_all, module = "viztracer.snaptrace")]
pub struct Merged {
    /// Events in the report, and names of processes, threads and tasks, which VizTracer counts, too.
    entries: u64,
    /// Events in the report.
    events: u64,
    /// Older events that are not, because a ring went over them.
    overwritten: u64,
    /// A line for every input that could not be read.
    problems: Vec<String>,
    /// A line for every process of which something was lost.
    losses: Vec<String>,
    /// In a snapshot, a line for every process whose ring does not reach back over all of its time.
    short: Vec<String>,
    /// A line for every thread of a process that did not end in order: what it was doing.
    last_words: Vec<String>,
}

/// Merges ring files into one report, with a bar on the terminal if `progress`. Times begin at 0, or are those of
/// `time.monotonic` if `monotonic`. If `worker`, the run of the files began with a process that is not among them.
#[pyfunction]
#[pyo3(signature = (inputs, output, *, source = true, monotonic = false, worker = false, progress = false))]
pub fn merge(
    python: Python<'_>,
    inputs: Vec<PathBuf>,
    output: PathBuf,
    source: bool,
    monotonic: bool,
    worker: bool,
    progress: bool,
) -> PyResult<Merged> {
    let align = if monotonic { Align::Monotonic } else { Align::Clock };
    merged(python, &Request { source, align, are_workers: worker, ..Request::new(inputs, output) }, progress)
}

/// Merges the ring files of processes that run, as of the time at which the monotonic clock showed so many ns: the
/// `last` seconds before it, or all that the rings hold. The report replaces no file.
#[pyfunction]
pub fn snapshot(
    python: Python<'_>,
    inputs: Vec<PathBuf>,
    output: PathBuf,
    as_of: i64,
    last: Option<f64>,
) -> PyResult<Merged> {
    let last = last.map(Duration::try_from_secs_f64).transpose();
    let last = last.map_err(|error| PyValueError::new_err(error.to_string()))?;
    let selection = Selection { as_of: Some(AsOf::at(as_of)), last, ..Selection::default() };
    merged(python, &Request { replaces: false, selection, ..Request::new(inputs, output) }, false)
}

fn merged(python: Python<'_>, request: &Request, progress: bool) -> PyResult<Merged> {
    match watched(python, progress, |watch| viztracer_merge::merge(request, watch))? {
        Ok(summary) => Ok(Merged {
            entries: summary.entries(),
            events: summary.events(),
            overwritten: summary.overwritten(),
            losses: summary.losses(),
            short: request.selection.as_of.map(|instant| summary.short(instant)).unwrap_or_default(),
            problems: summary.bad.iter().map(ToString::to_string).collect(),
            last_words: summary.last_words.lines,
        }),
        Err(error) => Err(PyRuntimeError::new_err(reason(&error))),
    }
}

/// Whose ring file this is, as `worker (pid 42)`; `None` if it cannot be read.
#[pyfunction]
pub fn ring_process(python: Python<'_>, path: PathBuf) -> Option<String> {
    python.detach(|| viztracer_merge::process_of(&path))
}

/// The endings of file names that a report can have, such as `.json.gz`.
#[pyfunction]
pub fn output_kinds() -> Vec<&'static str> {
    viztracer_merge::output_kinds().to_vec()
}

/// Whether a report may have this name.
#[pyfunction]
pub fn is_output_name(name: &str) -> bool {
    viztracer_merge::is_output_name(name)
}

/// Why there is no report, as one line; what is wrong with its inputs stands in it.
pub fn reason(error: &MergeError) -> String {
    match error {
        MergeError::NothingReadable(bad) if !bad.is_empty() => {
            let mut reasons: Vec<String> = bad.iter().take(LISTED_MAX).map(ToString::to_string).collect();
            if bad.len() > LISTED_MAX {
                reasons.push(format!("and {} more", bad.len() - LISTED_MAX));
            }
            reasons.join("; ")
        }
        error => error.to_string(),
    }
}

/// Does work that a signal may stop, with a bar on the terminal if `progress`; raises what its handler has raised.
pub fn watched<T: Send>(python: Python<'_>, progress: bool, work: impl FnOnce(&dyn Watch) -> T + Send) -> PyResult<T> {
    let (done, interruption) = python.detach(|| {
        let watcher = Watcher { bar: Bar::new(!progress), interruption: RefCell::new(None) };
        let done = work(&watcher);
        watcher.bar.clear();
        (done, watcher.interruption.into_inner())
    });
    // It is the program's, also if it came when the work was just done.
    interruption.map_or(Ok(done), Err)
}

/// Shows the progress and stops at a signal whose handler raises.
struct Watcher {
    bar: Bar,
    /// What the handler has raised.
    interruption: RefCell<Option<PyErr>>,
}

impl Watch for Watcher {
    fn progress(&self, stage: Stage, done: u64, total: u64) {
        self.bar.show(stage, done, total);
    }

    fn stopped(&self) -> bool {
        let mut interruption = self.interruption.borrow_mut();
        if interruption.is_none() {
            *interruption = Python::attach(|python| python.check_signals().err());
        }
        interruption.is_some()
    }
}

/// Runs the handlers of signals that have arrived; whether one of them raised, as Ctrl+C does.
fn signal_arrived() -> bool {
    Python::attach(|python| python.check_signals().is_err())
}
