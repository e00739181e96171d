//! `sys.setprofile` in the traced program: the new profile function does not hear of its own setting.
//!
//! Untraced, the first event that it gets is that of whatever follows. But our hook has the call of `sys.setprofile`
//! itself watched, and so the end of that call would be sent to the function that it has just set, before anything
//! else; `profile.Profile`, which keeps account of what returns, dies of that. So the first event of a new profile
//! function goes through [`first_event`], which is gone from then on. It leaves out the end of a C function, which
//! without its begin is never the first event of an untraced program.

use super::offered;
use crate::interpose::{Ours, WithOne, replace};
use crate::recording;
use pyo3::ffi::{self, PyFrameObject, PyObject};
use pyo3::prelude::*;
use std::ffi::c_int;
use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

/// The address of the interpreter's own `sys.setprofile`, 0: not known; and `sys.getprofile`.
static SET_PROFILE: AtomicUsize = AtomicUsize::new(0);
static GET_PROFILE: AtomicPtr<PyObject> = AtomicPtr::new(ptr::null_mut());

/// So many words at the beginning of a thread state are searched for its profile function.
const STATE_WORDS: usize = 24;

/// The address of the interpreter's own C function that sends events to profile functions, 0: not known yet.
static SENDER: AtomicUsize = AtomicUsize::new(0);

/// From now on we are asked on the way into `sys.setprofile`.
pub fn watch(python: Python<'_>) -> PyResult<()> {
    if SET_PROFILE.load(Ordering::Relaxed) != 0 {
        return Ok(());
    }
    let sys = python.import("sys")?;
    GET_PROFILE.store(sys.getattr("getprofile")?.into_ptr(), Ordering::Relaxed);
    replace(python, "sys", "setprofile", &SET_PROFILE, Ours::WithOne(set_profile))
}

unsafe extern "C" fn set_profile(module: *mut PyObject, function: *mut PyObject) -> *mut PyObject {
    let is_first = recording::current() != 0 && is_free_for(function);
    // SAFETY: `replace` has stored the address of a function with these arguments before it put ours in its place.
    let theirs = unsafe { mem::transmute::<usize, WithOne>(SET_PROFILE.load(Ordering::Relaxed)) };
    // SAFETY: the interpreter's own function with the arguments that it got.
    let result = unsafe { theirs(module, function) };
    if is_first && !result.is_null() {
        watch_first_event(function);
    }
    result
}

/// Whether this is a profile function of the program's, and the thread had none of them before: with one, the end of
/// this call is an event in the untraced program, too.
fn is_free_for(function: *mut PyObject) -> bool {
    // SAFETY: the GIL is held.
    let python = unsafe { Python::assume_attached() };
    // SAFETY: NULL, or a function that is kept alive.
    let get_profile = unsafe { Bound::from_borrowed_ptr_or_opt(python, GET_PROFILE.load(Ordering::Relaxed)) };
    let before = get_profile.and_then(|get_profile| get_profile.call0().ok());
    let is_ours = |hook: *mut PyObject| hook == python.None().as_ptr() || offered::is_hook(python, hook);
    !is_ours(function) && before.is_some_and(|before| is_ours(before.as_ptr()))
}

/// Has this thread's next event go through [`first_event`].
fn watch_first_event(function: *mut PyObject) {
    let Some(place) = sender_place(function) else { return };
    // SAFETY: this thread's own state, with the GIL held: the function that `sys.setprofile` has just set.
    if let Some(sender) = unsafe { *place } {
        SENDER.store(sender as usize, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { *place = Some(first_event) };
    }
}

/// Where the calling thread's state keeps the C function that sends its events to this profile function. It holds, in
/// this order, since long before 3.10: that one, its like for the trace function, and the profile function
/// (Include/cpython/pystate.h). `None` if the latter, which is known, is not found there.
fn sender_place(function: *mut PyObject) -> Option<*mut Option<ffi::Py_tracefunc>> {
    // SAFETY: the GIL is held.
    let words = unsafe { ffi::PyThreadState_Get() }.cast::<*mut PyObject>();
    // SAFETY: a structure of more words; addresses are compared and not followed.
    let found = (3..STATE_WORDS).find(|word| unsafe { *words.add(*word) } == function)?;
    // SAFETY: as above.
    Some(unsafe { words.add(found - 2) }.cast())
}

/// The first event after `sys.setprofile`: puts the interpreter's own function back, which gets it unless it is the
/// end of a C function.
unsafe extern "C" fn first_event(
    function: *mut PyObject,
    frame: *mut PyFrameObject,
    what: c_int,
    argument: *mut PyObject,
) -> c_int {
    // SAFETY: `watch_first_event` has stored the address of such a function before it put this one in its place.
    let sender = unsafe { mem::transmute::<usize, ffi::Py_tracefunc>(SENDER.load(Ordering::Relaxed)) };
    if let Some(place) = sender_place(function) {
        // SAFETY: this thread's own state, with the GIL held; it has called what stands there.
        unsafe { *place = Some(sender) };
    }
    if what == ffi::PyTrace_C_RETURN || what == ffi::PyTrace_C_EXCEPTION {
        return 0;
    }
    // SAFETY: the function that this event was meant for, with the arguments that the interpreter passes.
    unsafe { sender(function, frame, what, argument) }
}
