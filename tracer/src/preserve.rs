//! Keeps the interpreter as the program left it, while a hook looks for names: the exception that is under way, and
//! what the garbage collector would do.

use crate::daemon::sleep_if_thread_ends;
use pyo3::ffi;
use pyo3::prelude::*;
use std::ptr;

/// Does some work with Python between two operations of the program, and keeps the exception that the first may have
/// raised. Returns `None` without the work if the interpreter is about to end.
///
/// This may run Python even if `work` does not: it first lets go of objects that other threads had no GIL to let go of.
pub fn preserving_exception<T>(work: impl FnOnce(Python<'_>) -> Option<T>) -> Option<T> {
    Python::try_attach(|python| {
        let raised = Raised::take(python);
        let result = sleep_if_thread_ends(|| work(python));
        drop(Raised::take(python));
        raised.restore(python);
        result
    })
    .flatten()
}

/// Does some work without the garbage collector, which before 3.12 may run in any allocation and calls finalizers. The
/// work must not give up the GIL.
pub fn without_collector<T>(_: Python<'_>, work: impl FnOnce() -> T) -> T {
    // SAFETY: the GIL is held, as the first argument proves.
    let was_enabled = cfg!(not(Py_3_12)) && unsafe { ffi::PyGC_Disable() } != 0;
    let result = work();
    if was_enabled {
        // SAFETY: as above.
        unsafe { ffi::PyGC_Enable() };
    }
    result
}

/// An exception as the interpreter keeps it: three references before 3.12, one since. It is not made an object, which
/// could run Python.
struct Raised([*mut ffi::PyObject; 3]);

impl Raised {
    /// Takes the exception that is under way.
    fn take(_: Python<'_>) -> Raised {
        let mut parts = [ptr::null_mut(); 3];
        #[cfg(Py_3_12)]
        {
            // SAFETY: the GIL is held, as the argument proves.
            parts[0] = unsafe { ffi::PyErr_GetRaisedException() };
        }
        #[cfg(not(Py_3_12))]
        {
            let [kind, value, traceback] = &mut parts;
            // SAFETY: the GIL is held, as the argument proves; three references to write to.
            unsafe { ffi::PyErr_Fetch(kind, value, traceback) };
        }
        Raised(parts)
    }

    /// Sets it as the exception that is under way again.
    fn restore(mut self, _: Python<'_>) {
        let parts = std::mem::replace(&mut self.0, [ptr::null_mut(); 3]);
        if parts[0].is_null() {
            return;
        }
        #[cfg(Py_3_12)]
        // SAFETY: the GIL is held, as the argument proves; the reference is ours to give.
        unsafe {
            ffi::PyErr_SetRaisedException(parts[0]);
        }
        #[cfg(not(Py_3_12))]
        // SAFETY: the GIL is held, as the argument proves; the references are ours to give.
        unsafe {
            ffi::PyErr_Restore(parts[0], parts[1], parts[2]);
        }
    }
}

impl Drop for Raised {
    fn drop(&mut self) {
        for part in self.0 {
            // SAFETY: `preserving_exception` holds the GIL until this is dropped; NULL or a reference of ours.
            unsafe { ffi::Py_XDECREF(part) };
        }
    }
}
