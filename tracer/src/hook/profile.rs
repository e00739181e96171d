//! CPython 3.10 and 3.11: `PyEval_SetProfile`, per thread.
//!
//! Threads that exist at the start get the hook from there, later ones from the thread that starts them, when
//! `_thread.start_new_thread` returns; where that thread has another hook, from `threading.setprofile`. A thread that C
//! code makes is seen when another one starts after it, or not at all.

mod events;
mod thread_hook;
mod thread_list;
mod thread_state;

use super::options::EventOptions;
use crate::fallible::Text;
use crate::sync::{Mutex, lock};
use pyo3::ffi::PyObject;
use pyo3::prelude::*;

/// What new threads had as a hook before the start.
static BEFORE: Mutex<Option<Py<PyAny>>> = Mutex::new(None);

/// Hooks all threads, those that exist and those to come. After an error no thread to come is hooked.
pub fn install(python: Python<'_>, wanted: EventOptions) -> PyResult<()> {
    events::want(wanted);
    let argument = thread_hook::argument(python)?;
    thread_hook::forget_threads(python)?;
    let threading = python.import(Text("threading"))?;
    let before = threading.call_method0(Text("getprofile"))?;
    if !before.is(argument) {
        let replaced = lock(&BEFORE).replace(before.unbind());
        drop(replaced); // not under the lock: it may run Python
        threading.call_method1(Text("setprofile"), (argument,))?;
    }
    thread_hook::hook(python)?;
    thread_hook::hook_newer_threads(python);
    Ok(())
}

/// Unhooks the calling thread and those to come. Returns whether the calling thread's hook was still ours. Other
/// threads unhook themselves at their next event, since their hook may be another one by now.
pub fn uninstall(python: Python<'_>) -> PyResult<bool> {
    let argument = thread_hook::argument(python)?;
    let is_ours = thread_hook::unhook(python);
    // What `getprofile` and `setprofile` do. They are functions of Python, which would run the program's signal handlers
    // here, and lose what those raise.
    let threading = python.import(Text("threading"))?;
    if threading.getattr(Text("_profile_hook"))?.is(argument) {
        let before = lock(&BEFORE).take();
        threading.setattr(Text("_profile_hook"), before)?;
    }
    Ok(is_ours)
}

/// Hooks the calling thread again if it has no hook. Returns whether it had none.
pub fn mend(python: Python<'_>, _: EventOptions) -> PyResult<bool> {
    let is_free = thread_hook::is_free(python);
    if is_free {
        thread_hook::hook(python)?;
    }
    Ok(is_free)
}

/// Unhooks the calling thread. Other threads, and those to come, unhook themselves at their next event, since nothing
/// is recorded.
pub fn pause(python: Python<'_>) -> PyResult<()> {
    thread_hook::unhook(python);
    Ok(())
}

/// Hooks all threads again but the calling one, which runs nothing of the program's.
pub fn resume(python: Python<'_>, _: EventOptions) -> PyResult<()> {
    thread_hook::hook_all_threads(python);
    thread_hook::unhook(python);
    Ok(())
}

/// Hooks the calling thread alone, if it has no hook of the program.
pub fn wake(python: Python<'_>, wanted: EventOptions) -> PyResult<()> {
    mend(python, wanted).map(drop)
}

/// Counts nothing: this hook leaves out no function.
pub fn arm_counting(_: Python<'_>) -> PyResult<()> {
    Ok(())
}

/// Ends nothing, like [`arm_counting`].
pub fn end_counting(_: Python<'_>) -> PyResult<()> {
    Ok(())
}

/// Whether [`arm_counting`] has begun anything.
pub fn is_counting() -> bool {
    false
}

/// Opens nothing, like [`arm_counting`].
pub fn open_burst(_: u64) {}

/// Closes nothing, like [`arm_counting`].
pub fn close_burst(_: u64) {}

/// Hooks the calling thread if this profile function is our hook. Returns whether it is. The interpreter's
/// `sys.setprofile` would run the program's audit hooks, and fail while another thread is in one.
pub fn put_back(python: Python<'_>, function: *mut PyObject) -> bool {
    is_hook(python, function) && thread_hook::hook(python).is_ok()
}

/// Whether a profile function is our hook.
pub fn is_hook(python: Python<'_>, function: *mut PyObject) -> bool {
    thread_hook::is_argument(python, function)
}
