//! CPython 3.10 and 3.11: the profile function in a thread's state.
//!
//! `PyEval_SetProfile` calls the program's audit hooks first. They may release the GIL. Meanwhile another thread may
//! end, and its state with it; and the interpreter refuses to set the profile function of any thread. So this module
//! writes the fields itself, as the interpreter does after the audit hooks. Include/cpython/pystate.h declares them, and
//! they do not move within 3.10 or within 3.11.

use pyo3::ffi::{self, Py_tracefunc, PyObject};
use pyo3::prelude::*;
use std::ffi::{c_int, c_void};
use std::ptr;

/// The type of the flag that makes the interpreter look for profile functions, and its value when it is set.
#[cfg(not(Py_3_11))]
type Flag = c_int;
#[cfg(not(Py_3_11))]
const SET: Flag = 1;
#[cfg(Py_3_11)]
type Flag = u8;
#[cfg(Py_3_11)]
const SET: Flag = 255;

/// The beginning of `PyThreadState`.
#[repr(C)]
struct Fields {
    links: [*mut c_void; 3],
    #[cfg(not(Py_3_11))]
    frame: *mut c_void,
    #[cfg(not(Py_3_11))]
    counters: [c_int; 3],
    #[cfg(Py_3_11)]
    counters: [c_int; 5],
    /// How many calls of profile and trace functions the thread is in.
    tracing: c_int,
    #[cfg(Py_3_11)]
    tracing_what: c_int,
    /// The innermost frame of the evaluation loop, which begins with the flag.
    flag: *mut Flag,
    profile_function: Option<Py_tracefunc>,
    trace_function: Option<Py_tracefunc>,
    profile_object: *mut PyObject,
}

/// A thread's state that exists as long as this value does.
pub struct ThreadState<'py> {
    fields: *mut Fields,
    python: Python<'py>,
}

impl<'py> ThreadState<'py> {
    /// Returns the state of the calling thread.
    pub fn current(python: Python<'py>) -> ThreadState<'py> {
        // SAFETY: the GIL is held, as the argument proves.
        let state = unsafe { ffi::PyThreadState_Get() };
        // SAFETY: a thread's own state exists as long as it holds the GIL.
        unsafe { ThreadState::new(python, state) }
    }

    /// # Safety
    /// The state must exist until the value is dropped.
    pub unsafe fn new(python: Python<'py>, state: *mut ffi::PyThreadState) -> ThreadState<'py> {
        ThreadState { fields: state.cast(), python }
    }

    /// Returns what `sys.getprofile()` returns on that thread, NULL for `None`. The reference is borrowed.
    pub fn profile_object(&self) -> *mut PyObject {
        // SAFETY: a state that exists. Threads change these fields with the GIL held, which this one holds.
        unsafe { (*self.fields).profile_object }
    }

    /// Sets the profile function of that thread and its argument, or neither. Returns the argument before. Runs no
    /// Python and allocates nothing.
    pub fn set_profile(&self, hook: Option<(Py_tracefunc, Bound<'py, PyAny>)>) -> Option<Bound<'py, PyAny>> {
        let (function, object) =
            hook.map_or((None, ptr::null_mut()), |(function, object)| (Some(function), object.into_ptr()));
        let fields = self.fields;
        // SAFETY: as in `profile_object`, for this and the next three lines.
        let before = unsafe { ptr::replace(&raw mut (*fields).profile_object, object) };
        // SAFETY: see above.
        unsafe { (*fields).profile_function = function };
        // SAFETY: see above.
        let (tracing, trace_function) = unsafe { ((*fields).tracing, (*fields).trace_function) };
        // While the thread is in such a function, the flag is off; the interpreter sets it afterwards.
        let is_wanted = tracing == 0 && (function.is_some() || trace_function.is_some());
        // SAFETY: see above; a frame of that thread's C stack or a part of its state. The thread leaves a frame with the
        // GIL.
        unsafe { *(*fields).flag = if is_wanted { SET } else { 0 } };
        // SAFETY: NULL or the reference that the state has held.
        unsafe { Bound::from_owned_ptr_or_opt(self.python, before) }
    }
}
