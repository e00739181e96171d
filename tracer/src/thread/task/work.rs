//! Arrows from where work is submitted to a pool of threads to where one of them starts it.
//!
//! Both steps are calls of methods of one object, which lives as long as it waits in the queue of the pool. So its
//! address connects them, and no order of a queue is guessed. If the work of an object was never started, a later
//! object may have its address, and takes its place.

use super::arrows::{self, Target};
use crate::fallible::Name;
use crate::function::{Code, EXCLUDED, Step};
use crate::preserve::preserving_exception;
use crate::recording;
use crate::thread::{calls, current};
use pyo3::types::PyFrame;
use pyo3::{ffi, prelude::*};

/// Records the entry of a step, and an end of its arrow. May run Python.
pub fn enter(python: Python<'_>, code: Code, step: Step) {
    let number = recording::current();
    if !current::is_recording(python) || code.id() == EXCLUDED {
        return;
    }
    calls::enter(python, code.id(), code.tag());
    let Some(item) = preserving_exception(|python| receiver(python, code)) else { return };
    match step {
        Step::Submitted => arrows::begin_at(python, number, Target::Work(item)),
        Step::Started => arrows::end(python, number, Target::Work(item)),
    }
}

/// Returns the address of the object that the running function was called on, if it runs this code. Runs no Python.
fn receiver(python: Python<'_>, code: Code) -> Option<usize> {
    unsafe extern "C" {
        /// Include/cpython/pyframe.h: reads a variable of a frame, without making a dictionary of all of them.
        fn PyFrame_GetVar(frame: *mut ffi::PyFrameObject, name: *mut ffi::PyObject) -> *mut ffi::PyObject;
    }
    static SELF: Name = Name::new("self");
    // SAFETY: the GIL is held; NULL or a living frame, borrowed.
    let frame = unsafe { Bound::from_borrowed_ptr_or_opt(python, ffi::PyEval_GetFrame().cast()) }?;
    let frame = frame.cast_into::<PyFrame>().ok()?;
    if !code.is_run_by(&frame) {
        return None;
    }
    // SAFETY: a living frame and a string.
    let value = unsafe { PyFrame_GetVar(frame.as_ptr().cast(), SELF.get(python).ok()?.as_ptr()) };
    // SAFETY: NULL with an exception, or a new reference. The frame has another one, so nothing dies.
    let value = unsafe { Bound::from_owned_ptr_or_err(python, value) }.ok()?;
    Some(value.as_ptr() as usize)
}
