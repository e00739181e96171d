//! `sys.setprofile` in the traced program: a new profile function does not get the end of the call that has set it.
//!
//! Untraced, its first event is that of what follows. But our hook has the call of `sys.setprofile` itself watched, so
//! the interpreter would send the end of that call to the function that it has just set. `profile.Profile`, which
//! checks what returns, fails then. So the first event of a new profile function goes through [`first_event`], once.
//! That leaves out the end of a C function, which without its beginning is never the first event of an untraced
//! program.

use super::offered;
use crate::fallible::Text;
use crate::interpose::{OneArgument, Original, is_in_main_interpreter};
use crate::recording;
use pyo3::ffi::{self, PyFrameObject, PyObject};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use std::ffi::c_int;
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The interpreter's own `sys.setprofile`.
static SET_PROFILE: Original<OneArgument> = Original::new();
/// `sys.getprofile`.
static GET_PROFILE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// How many words at the beginning of a thread state are searched for its profile function.
const STATE_WORDS: usize = 24;

/// The address of the interpreter's own C function that sends events to profile functions, 0: not known yet.
static SENDER: AtomicUsize = AtomicUsize::new(0);

/// Puts our function in the place of `sys.setprofile`.
pub fn watch(python: Python<'_>) -> PyResult<()> {
    if SET_PROFILE.is_replaced() {
        return Ok(());
    }
    GET_PROFILE
        .get_or_try_init(python, || python.import(Text("sys"))?.getattr(Text("getprofile")).map(Bound::unbind))?;
    SET_PROFILE.replace_by(python, "sys", "setprofile", set_profile)
}

unsafe extern "C" fn set_profile(module: *mut PyObject, function: *mut PyObject) -> *mut PyObject {
    // Other interpreters are not traced, and the objects that are asked here belong to the main one.
    let is_traced = is_in_main_interpreter() && recording::current() != 0;
    // SAFETY: the interpreter calls with the GIL held.
    let python = unsafe { Python::assume_attached() };
    if is_traced && offered::put_back(python, function) {
        return python.None().into_ptr();
    }
    let is_first = is_traced && is_free_for(python, function);
    // SAFETY: the interpreter's own function with the arguments that it got.
    let result = unsafe { SET_PROFILE.get()(module, function) };
    if is_first && !result.is_null() {
        watch_first_event(function);
    }
    result
}

/// Whether this is a profile function of the program, and the thread had none of them before: with one, the end of this
/// call is an event in the untraced program, too.
fn is_free_for(python: Python<'_>, function: *mut PyObject) -> bool {
    let before = GET_PROFILE.get(python).and_then(|get_profile| get_profile.bind(python).call0().ok());
    let is_ours = |hook: *mut PyObject| hook == python.None().as_ptr() || offered::is_hook(python, hook);
    !is_ours(function) && before.is_some_and(|before| is_ours(before.as_ptr()))
}

/// Has this thread's next event go through [`first_event`].
fn watch_first_event(function: *mut PyObject) {
    let Some(slot) = sender_slot(function) else { return };
    // SAFETY: this thread's own state, with the GIL held: the function that `sys.setprofile` has just set.
    if let Some(sender) = unsafe { *slot } {
        SENDER.store(sender as usize, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { *slot = Some(first_event) };
    }
}

/// Finds where the calling thread's state keeps the C function that sends its events to this profile function. Since
/// long before 3.10 the state holds, in this order: that C function, the one for the trace function, and the profile
/// function (Include/cpython/pystate.h). Returns `None` if the profile function is not found there. The GIL must be
/// held.
fn sender_slot(function: *mut PyObject) -> Option<*mut Option<ffi::Py_tracefunc>> {
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
    if let Some(slot) = sender_slot(function) {
        // SAFETY: this thread's own state, with the GIL held; the interpreter has called what stands there.
        unsafe { *slot = Some(sender) };
    }
    if what == ffi::PyTrace_C_RETURN || what == ffi::PyTrace_C_EXCEPTION {
        return 0;
    }
    // SAFETY: the function that this event was meant for, with the arguments that the interpreter passes.
    unsafe { sender(function, frame, what, argument) }
}
