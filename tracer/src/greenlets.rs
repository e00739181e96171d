//! Whether the program switches greenlets: several stacks in one thread, which has one stack in its ring file.
//!
//! The interpreter reports no switch. A function that is seen for the first time shows one, if it has no caller though
//! other calls of its thread are open: it is the first function on another stack. (The other sign is a call of the
//! method that switches: [`crate::function`] sees that.) The ring file records that there was a switch.

use crate::function::{Code, LookedUp};
use crate::preserve::without_collector;
use crate::recording;
use crate::thread::calls;
use pyo3::ffi;
use pyo3::prelude::*;
use std::cell::Cell;

std::thread_local! {
    /// Whether the next function without a caller, on this thread, is the main program.
    static MAIN_IS_NEXT: Cell<bool> = const { Cell::new(false) };
}

/// Announces that the main program is about to run, which C code calls.
pub fn expect_main() {
    MAIN_IS_NEXT.set(true);
}

/// Returns the id of the Python function that begins to run now. Runs no Python.
pub fn id_of_running(python: Python<'_>, code: Code) -> u32 {
    if let Some(id) = code.known() {
        return id;
    }
    let LookedUp { is_new, .. } = code.look_up();
    // A forked process gives names anew to functions that are open. That is no first call.
    if is_new && !has_caller(python) && !MAIN_IS_NEXT.take() && calls::are_others_open(python, code.tag()) {
        recording::note_switch();
    }
    code.id() // again: the question for a caller makes objects
}

/// Whether the Python function that runs now was called by another one. Makes objects of their frames, without the
/// garbage collector, so no Python runs.
fn has_caller(python: Python<'_>) -> bool {
    without_collector(python, || {
        // SAFETY: `python` proves that the GIL is held. A borrowed reference or NULL.
        let frame = unsafe { ffi::PyEval_GetFrame() };
        if frame.is_null() {
            return true; // unknown
        }
        // SAFETY: a living frame.
        let caller = unsafe { ffi::PyFrame_GetBack(frame) };
        if caller.is_null() {
            // SAFETY: as above.
            let is_unknown = unsafe { !ffi::PyErr_Occurred().is_null() };
            // SAFETY: as above. No exception of the program's is under way when a function begins.
            unsafe { ffi::PyErr_Clear() };
            return is_unknown;
        }
        // SAFETY: the reference that was just made. The frame is open and has another one, so nothing dies.
        unsafe { ffi::Py_DECREF(caller.cast()) };
        true
    })
}
