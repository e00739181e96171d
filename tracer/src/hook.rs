//! The functions that the interpreter calls at each event: callbacks of `sys.monitoring` from 3.12 on, a profile
//! function before.

use crate::sync::{Mutex, lock};
use pyo3::prelude::*;

mod logged;
#[cfg(Py_3_12)]
mod monitoring;
mod options;
#[cfg(not(Py_3_12))]
mod profile;
mod profile_function;

#[cfg(Py_3_12)]
use monitoring as offered;
pub use options::EventOptions;
#[cfg(not(Py_3_12))]
use profile as offered;

/// What [`install`] was called with last.
static WANTED: Mutex<EventOptions> = Mutex::new(EventOptions {
    calls: false,
    c_functions: false,
    tasks: false,
    #[cfg(Py_3_12)]
    counts: false,
});

/// Has the interpreter call us on every event that is to be recorded, on all threads.
pub fn install(python: Python<'_>, wanted: EventOptions) -> PyResult<()> {
    *lock(&WANTED) = wanted;
    if !wanted.calls {
        return Ok(());
    }
    profile_function::watch(python)?;
    offered::install(python, wanted)
}

/// Begins or ends to record calls, in the middle of a recording.
pub fn record_calls(python: Python<'_>, calls: bool) -> PyResult<()> {
    let before = *lock(&WANTED);
    match (before.calls, calls) {
        (false, false) => return Ok(()),
        (true, true) => return offered::mend(python, before).map(drop), // this thread may be newer than the hook
        (true, false) => drop(offered::uninstall(python)?),
        (false, true) => {}
    }
    install(python, EventOptions { calls, ..before })
}

/// Puts the hook back if it is gone and no other has its place. Returns whether it did.
pub fn mend(python: Python<'_>) -> PyResult<bool> {
    let wanted = *lock(&WANTED);
    if wanted.calls { offered::mend(python, wanted) } else { Ok(false) }
}

/// Has the interpreter call us at no event for now. Runs no Python.
pub fn pause(python: Python<'_>) -> PyResult<()> {
    if lock(&WANTED).calls { offered::pause(python) } else { Ok(()) }
}

/// Ends a [`pause`]; the calling thread need not be one of the program's.
pub fn resume(python: Python<'_>) -> PyResult<()> {
    let wanted = *lock(&WANTED);
    if wanted.calls { offered::resume(python, wanted) } else { Ok(()) }
}

/// Has the interpreter call us on the calling thread, whose process stays paused.
pub fn wake(python: Python<'_>) -> PyResult<()> {
    let wanted = *lock(&WANTED);
    if wanted.calls { offered::wake(python, wanted) } else { Ok(()) }
}

/// Prepares to count the calls of functions that are no longer recorded, from [`open_burst`] to [`close_burst`].
pub fn arm_counting(python: Python<'_>) -> PyResult<()> {
    offered::arm_counting(python)
}

/// Ends what [`arm_counting`] has begun, if it goes on.
pub fn end_counting(python: Python<'_>) -> PyResult<()> {
    offered::end_counting(python)
}

/// Whether that goes on.
pub fn is_counting() -> bool {
    offered::is_counting()
}

/// Counts calls from this processor time on, in ns. Needs no GIL.
pub fn open_burst(now: u64) {
    offered::open_burst(now);
}

/// Counts calls up to this processor time, in ns. Needs no GIL.
pub fn close_burst(now: u64) {
    offered::close_burst(now);
}

/// Takes the hook out, and nothing that is not ours. Returns whether it was still in its place.
pub fn uninstall(python: Python<'_>) -> PyResult<bool> {
    let calls = lock(&WANTED).calls;
    if calls { offered::uninstall(python) } else { Ok(true) }
}
