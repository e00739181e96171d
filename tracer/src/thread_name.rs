//! The names of threads as the program sees them, asked for without making the `threading` module take an unknown
//! thread for a new one (its `current_thread()` would invent a "Dummy-1").

use crate::session;
use pyo3::ffi;
use pyo3::prelude::*;

/// Writes the name of the calling thread, whose recorder has this serial.
pub fn name_current(serial: u32) {
    // SAFETY: threads are attached by hooks, which run with the GIL held.
    let python = unsafe { Python::assume_attached() };
    let error = PyErr::take(python);
    if let Some(name) = name_of_current(python) {
        session::name_thread(serial, &name);
    }
    let _ = PyErr::take(python);
    if let Some(error) = error {
        error.restore(python);
    }
}

fn name_of_current(python: Python<'_>) -> Option<String> {
    let threading = loaded_module(python, "threading");
    let Some(threading) = threading else { return is_main().then(|| "MainThread".to_owned()) };
    let ident = threading.getattr("get_ident").ok()?.call0().ok()?;
    let registered = threading.getattr("_active").ok()?.call_method1("get", (ident,)).ok()?;
    let thread = if registered.is_none() { starting_thread(python)? } else { registered };
    thread.getattr("_name").ok()?.extract().ok()
}

/// A thread whose very first Python function is `Thread._bootstrap` is not registered yet; it is the `self` of that.
fn starting_thread(python: Python<'_>) -> Option<Bound<'_, PyAny>> {
    // SAFETY: the GIL is held; the frame is borrowed.
    let frame = unsafe { ffi::PyEval_GetFrame() };
    // SAFETY: NULL or a living frame.
    let frame = unsafe { Bound::from_borrowed_ptr_or_opt(python, frame.cast()) }?;
    let name: String = frame.getattr("f_code").ok()?.getattr("co_name").ok()?.extract().ok()?;
    let is_bootstrap = name == "_bootstrap" || name == "_bootstrap_inner";
    is_bootstrap.then(|| frame.getattr("f_locals").ok()?.get_item("self").ok()).flatten()
}

fn loaded_module<'py>(python: Python<'py>, name: &str) -> Option<Bound<'py, PyAny>> {
    let modules = python.import("sys").ok()?.getattr("modules").ok()?;
    modules.call_method1("get", (name,)).ok().filter(|module| !module.is_none())
}

fn is_main() -> bool {
    viztracer_recorder::process::current_tid() == u64::from(std::process::id())
}
