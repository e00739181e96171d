//! Which hook this interpreter offers: `sys.monitoring` from 3.12 on, `PyEval_SetProfile` before.

use pyo3::prelude::*;
use std::sync::{Mutex, MutexGuard, PoisonError};

mod logged;
#[cfg(Py_3_12)]
mod monitoring;
#[cfg(not(Py_3_12))]
mod profile;
mod profile_function;
#[cfg(not(Py_3_12))]
mod thread_list;
mod wanted;

#[cfg(Py_3_12)]
use monitoring as offered;
#[cfg(not(Py_3_12))]
use profile as offered;
pub use wanted::Wanted;

/// What was wanted last.
static WANTED: Mutex<Wanted> = Mutex::new(Wanted { calls: false, c_functions: false, tasks: false });

fn wanted() -> MutexGuard<'static, Wanted> {
    WANTED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has the interpreter call us on every event that is to be recorded, on all threads.
pub fn install(python: Python<'_>, new: Wanted) -> PyResult<()> {
    *wanted() = new;
    if !new.calls {
        return Ok(());
    }
    profile_function::watch(python)?;
    offered::install(python, new)
}

/// Begins or ends to record calls, in the middle of a recording.
pub fn record_calls(python: Python<'_>, calls: bool) -> PyResult<()> {
    let before = *wanted();
    match (before.calls, calls) {
        (false, false) => return Ok(()),
        (true, true) => return offered::mend(python, before).map(drop), // this thread may be newer than the hook
        (true, false) => drop(offered::uninstall(python)?),
        (false, true) => {}
    }
    install(python, Wanted { calls, ..before })
}

/// Installs the hook again if it is gone and no other one is there, and says whether it did.
pub fn mend(python: Python<'_>) -> PyResult<bool> {
    let wanted = *wanted();
    if wanted.calls { offered::mend(python, wanted) } else { Ok(false) }
}

/// Ends that; says whether the hook was still in its place. Takes out only what is ours.
pub fn uninstall(python: Python<'_>) -> PyResult<bool> {
    let calls = wanted().calls;
    if calls { offered::uninstall(python) } else { Ok(true) }
}
