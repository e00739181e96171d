//! `os.unshare` and `os.setns` in a paused process. Linux lets only a process with one thread into another user
//! namespace, so the [`watcher`] ends before the call and starts again after it.

use super::switching::release_watcher;
use super::watcher::hold_watcher;
use crate::interpose::{Original, WithKeywords};
use pyo3::ffi::{Py_ssize_t, PyObject};
use pyo3::prelude::*;

/// The interpreter's own functions.
static UNSHARE: Original<WithKeywords> = Original::new();
static SETNS: Original<WithKeywords> = Original::new();

/// Puts our functions in the place of the interpreter's. Python before 3.12 has none.
pub fn watch(python: Python<'_>) -> PyResult<()> {
    if UNSHARE.is_replaced() || !python.import("posix")?.hasattr("unshare")? {
        return Ok(());
    }
    UNSHARE.replace_by(python, "posix", "unshare", unshare)?;
    SETNS.replace_by(python, "posix", "setns", setns)
}

unsafe extern "C" fn unshare(
    module: *mut PyObject,
    arguments: *const *mut PyObject,
    count: Py_ssize_t,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the interpreter's own function with the arguments that it got.
    without_watcher(|| unsafe { UNSHARE.get()(module, arguments, count, names) })
}

unsafe extern "C" fn setns(
    module: *mut PyObject,
    arguments: *const *mut PyObject,
    count: Py_ssize_t,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the interpreter's own function with the arguments that it got.
    without_watcher(|| unsafe { SETNS.get()(module, arguments, count, names) })
}

fn without_watcher(call: impl FnOnce() -> *mut PyObject) -> *mut PyObject {
    // SAFETY: the interpreter calls a function with the GIL held.
    let python = unsafe { Python::assume_attached() };
    hold_watcher(python);
    let result = call();
    release_watcher(python, false);
    result
}
