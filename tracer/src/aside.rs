//! What a hook does apart from recording: looking for names. The program notices nothing of it.

use pyo3::ffi;
use pyo3::prelude::*;
use std::ptr;

/// Runs this between two steps of the program, of which the first may have raised: the exception that is under way, if
/// any, stays so. `None`: the interpreter is about to end and is left alone.
///
/// It may run Python, even if `work` does not: objects that other threads could not let go of without the GIL are let
/// go of first.
pub fn aside<T>(work: impl FnOnce(Python<'_>) -> Option<T>) -> Option<T> {
    Python::try_attach(|python| {
        let raised = Raised::take();
        let result = work(python);
        drop(Raised::take());
        raised.restore();
        result
    })
    .flatten()
}

/// Does the same as [`aside`] inside of a hook: the interpreter runs, and the calling thread holds the GIL.
pub fn aside_in_hook<T>(work: impl FnOnce(Python<'_>) -> Option<T>) -> Option<T> {
    // SAFETY: hooks run with the GIL held.
    let python = unsafe { Python::assume_attached() };
    let raised = Raised::take();
    let result = work(python);
    drop(Raised::take());
    raised.restore();
    result
}

/// Runs this without the garbage collector, which before 3.12 may run in any allocation, and calls finalizers. The GIL
/// must be held, and `work` must not give it up.
pub fn without_collector<T>(work: impl FnOnce() -> T) -> T {
    // SAFETY: the GIL is held.
    let was_enabled = cfg!(not(Py_3_12)) && unsafe { ffi::PyGC_Disable() } != 0;
    let result = work();
    if was_enabled {
        // SAFETY: the GIL is held.
        unsafe { ffi::PyGC_Enable() };
    }
    result
}

/// An exception as the interpreter keeps it, without making an object of it, which could run Python.
struct Raised([*mut ffi::PyObject; 3]);

impl Raised {
    fn take() -> Raised {
        let mut parts = [ptr::null_mut(); 3];
        #[cfg(Py_3_12)]
        {
            // SAFETY: the GIL is held.
            parts[0] = unsafe { ffi::PyErr_GetRaisedException() };
        }
        #[cfg(not(Py_3_12))]
        {
            let [kind, value, traceback] = &mut parts;
            // SAFETY: the GIL is held, and these are places for three references.
            unsafe { ffi::PyErr_Fetch(kind, value, traceback) };
        }
        Raised(parts)
    }

    fn restore(mut self) {
        let parts = std::mem::replace(&mut self.0, [ptr::null_mut(); 3]);
        if parts[0].is_null() {
            return;
        }
        #[cfg(Py_3_12)]
        // SAFETY: the GIL is held; the reference is ours to give.
        unsafe {
            ffi::PyErr_SetRaisedException(parts[0]);
        }
        #[cfg(not(Py_3_12))]
        // SAFETY: the GIL is held; the references are ours to give.
        unsafe {
            ffi::PyErr_Restore(parts[0], parts[1], parts[2]);
        }
    }
}

impl Drop for Raised {
    fn drop(&mut self) {
        for part in self.0 {
            // SAFETY: the GIL is held; NULL or a reference of ours.
            unsafe { ffi::Py_XDECREF(part) };
        }
    }
}
