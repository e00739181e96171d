//! The frame of the function that runs, and its variables.

use crate::fallible::Name;
use crate::function::Code;
use crate::imported::from_interpreter;
use pyo3::types::PyFrame;
use pyo3::{ffi, prelude::*};

/// Returns the innermost frame of the calling thread, if it runs this code.
pub fn running(python: Python<'_>, code: Code) -> Option<Bound<'_, PyFrame>> {
    // SAFETY: the GIL is held; NULL or a living frame, borrowed.
    let frame = unsafe { Bound::from_borrowed_ptr_or_opt(python, ffi::PyEval_GetFrame().cast()) }?;
    let frame = frame.cast_into::<PyFrame>().ok()?;
    code.is_run_by(&frame).then_some(frame)
}

/// Returns the frame that has called the function of a frame.
pub fn caller<'py>(frame: &Bound<'py, PyFrame>) -> Option<Bound<'py, PyFrame>> {
    // SAFETY: a living frame; NULL or a new reference.
    let back = unsafe { Bound::from_owned_ptr_or_opt(frame.py(), ffi::PyFrame_GetBack(frame.as_ptr().cast()).cast()) };
    back?.cast_into().ok()
}

/// Returns the object that a method was called on.
pub fn receiver<'py>(frame: &Bound<'py, PyFrame>) -> Option<Bound<'py, PyAny>> {
    static SELF: Name = Name::new("self");
    variable(frame, &SELF)
}

/// Returns a variable of a frame. Runs no Python.
pub fn variable<'py>(frame: &Bound<'py, PyFrame>, name: &Name) -> Option<Bound<'py, PyAny>> {
    from_interpreter! {
        /// Include/cpython/pyframe.h: reads a variable of a frame, without making a dictionary of all of them.
        fn PyFrame_GetVar(frame: *mut ffi::PyFrameObject, name: *mut ffi::PyObject) -> *mut ffi::PyObject;
    }
    let python = frame.py();
    // SAFETY: a living frame and a string.
    let value = unsafe { PyFrame_GetVar(frame.as_ptr().cast(), name.get(python).ok()?.as_ptr()) };
    // SAFETY: NULL with an exception, or a new reference.
    unsafe { Bound::from_owned_ptr_or_err(python, value) }.ok()
}
