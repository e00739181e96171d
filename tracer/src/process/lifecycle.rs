//! How a tracer starts, stops and ends the process's recording.
//!
//! What begins or ends a recording does so [`exclusively`]: it falls into no hook of another thread.

use crate::exclusive::exclusively;
use crate::filter::Filter;
use crate::recording::{self, Phase};
use crate::thread::current;
use crate::thread::name;
use crate::{function, hook};
use pyo3::exceptions::{PyOSError, PyRuntimeError};
use pyo3::prelude::*;
use std::path::PathBuf;
use viztracer_recorder::{Options, RecorderError};

/// Gives the process's recording to this tracer; false if another one has it.
pub fn claim(python: Python<'_>, tracer: u64) -> bool {
    let claimed = exclusively(python, || {
        let before = recording::claim(tracer)?;
        Some(before.map(|ended| (ended, forget(python))))
    });
    let Some(before) = claimed else { return false };
    if let Some((ended, forgotten)) = before {
        drop(forgotten); // may run Python
        python.detach(|| ended.close());
    }
    true
}

/// Begins to record for a tracer that has claimed it. After an error nothing is left: no hook, no file.
pub fn start(
    python: Python<'_>,
    tracer: u64,
    options: &Options,
    filter: Filter,
    wanted: hook::EventOptions,
) -> PyResult<()> {
    if recording::phase(tracer) != Some(Phase::Starting) {
        return Err(PyRuntimeError::new_err("the tracer has not claimed the recording of this process"));
    }
    let is_new = recording::open(options, filter).map_err(|error| PyOSError::new_err(refusal(&error)))?;
    let forgotten = exclusively(python, || {
        let forgotten = forget(python);
        recording::begin();
        forgotten
    });
    drop(forgotten); // may run Python
    let installed = hook::install(python, wanted);
    if installed.is_ok() && recording::advance(tracer, Phase::Starting, Phase::Recording) {
        return Ok(());
    }
    let _ = hook::uninstall(python);
    current::halt(python);
    if is_new && let Some(ended) = recording::take_back(tracer) {
        let path = python.detach(|| ended.close());
        let _ = std::fs::remove_file(path);
    }
    installed
}

fn refusal(error: &RecorderError) -> String {
    let advice = if error.is_too_large() { ": reduce tracer_entries" } else { "" };
    format!("{error}{advice}")
}

/// Ends recording; the file stays open for another start. Calls that are open stay so, or are recorded as if they
/// returned now. Does nothing if the tracer does not record.
pub fn stop(python: Python<'_>, tracer: u64, finish_open_calls: bool) -> PyResult<()> {
    let is_stopping =
        [Phase::Recording, Phase::Paused].iter().any(|from| recording::advance(tracer, *from, Phase::Stopping));
    if !is_stopping {
        return Ok(());
    }
    name::renew(current::serial());
    let was_hooked = recording::records_calls() && current::serial().is_some();
    let uninstalled = hook::uninstall(python);
    current::halt(python);
    if let Ok(false) = uninstalled
        && was_hooked
    {
        recording::count_gap();
        crate::stderr::complain(
            "the program has taken the tracer's hook away; calls after that are missing from the report",
        );
    }
    if finish_open_calls {
        recording::finish_open_calls();
    }
    recording::note_stopped();
    recording::advance(tracer, Phase::Stopping, Phase::Stopped);
    uninstalled.map(drop)
}

/// Puts the hook back in its place if the program has taken it away and has no other there, and counts the gap. A line
/// says so when recording stops if the hook is missing then.
pub fn mend(python: Python<'_>, tracer: u64) -> PyResult<()> {
    let records = recording::phase(tracer) == Some(Phase::Recording) && recording::records_calls();
    if records && current::serial().is_some() && hook::mend(python)? {
        recording::count_gap();
    }
    Ok(())
}

/// Ends the tracer's recording and returns the path of its file, which is complete then; `None` if it has none.
pub fn seal(python: Python<'_>, tracer: u64) -> PyResult<Option<PathBuf>> {
    let stopped = stop(python, tracer, false);
    let (ended, forgotten) = exclusively(python, || (recording::take(tracer), forget(python)));
    drop(forgotten); // may run Python
    let path = python.detach(|| match ended {
        Some(ended) => {
            let path = ended.close();
            let _ = recording::set_aside(tracer); // older files of this tracer's are in the same directory
            Some(path)
        }
        None => recording::set_aside(tracer),
    });
    stopped.map(|()| path)
}

/// Empties all caches: their contents do not hold any more. The caller does so exclusively, and drops what it gets once
/// Python may run.
pub fn forget(python: Python<'_>) -> function::Forgotten {
    current::forget();
    function::forget(python)
}
