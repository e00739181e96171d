//! The profile function of one thread: set, unset, and called by the interpreter.
//!
//! Its argument is [`hook_new_thread`], so that `sys.getprofile()` tells our hook from another, and a program that
//! puts back what it has found there (`old = sys.getprofile(); ...; sys.setprofile(old)`) puts back ours.

use super::thread_state::ThreadState;
use super::{events, thread_list};
use crate::fallible::Text;
use crate::logged::options;
use crate::{due, recording};
use pyo3::ffi::{self, PyFrameObject, PyObject};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use std::ffi::c_int;
use std::ptr;
use std::sync::atomic::{AtomicI64, AtomicPtr, Ordering};
use viztracer_format::record::Kind;

/// The argument of the hook.
static ARGUMENT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
/// The interpreter's number of the newest thread that was given the hook.
static NEWEST: AtomicI64 = AtomicI64::new(-1);
/// `_thread.start_new_thread` and its old name, which is another object.
static STARTERS: [AtomicPtr<PyObject>; 2] = [const { AtomicPtr::new(ptr::null_mut()) }; 2];

/// Returns the object by which our hook is known.
pub fn argument(python: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    let make = || wrap_pyfunction!(hook_new_thread, python).map(|hook| hook.into_any().unbind());
    ARGUMENT.get_or_try_init(python, make).map(|argument| argument.bind(python))
}

/// Whether this is the object by which our hook is known.
pub fn is_argument(python: Python<'_>, object: *mut PyObject) -> bool {
    ARGUMENT.get(python).is_some_and(|argument| argument.as_ptr() == object)
}

/// Sets the hook of the calling thread. What the program had there may die and so run Python.
pub fn hook(python: Python<'_>) -> PyResult<()> {
    let hook = (hook_function(), argument(python)?.clone());
    drop(ThreadState::current(python).set_profile(Some(hook)));
    Ok(())
}

/// Takes the hook of the calling thread away if it is ours. Returns whether it was.
pub fn unhook(python: Python<'_>) -> bool {
    let thread = ThreadState::current(python);
    let is_ours = is_argument(python, thread.profile_object());
    if is_ours {
        drop(thread.set_profile(None));
    }
    is_ours
}

/// Whether the calling thread has neither our hook nor another.
pub fn is_free(python: Python<'_>) -> bool {
    ThreadState::current(python).profile_object().is_null()
}

/// Lets [`hook_newer_threads`] begin again with the oldest thread.
pub fn forget_threads(python: Python<'_>) -> PyResult<()> {
    let module = python.import(Text("_thread"))?;
    for (starter, name) in STARTERS.iter().zip(["start_new_thread", "start_new"]) {
        let function = module.getattr(Text(name))?.into_ptr(); // a reference for ever: no other object gets its address
        let before = starter.swap(function, Ordering::Relaxed);
        // SAFETY: NULL or the reference that the last call has kept; `python` proves that the GIL is held.
        drop(unsafe { Bound::from_owned_ptr_or_opt(python, before) });
    }
    NEWEST.store(-1, Ordering::Relaxed);
    Ok(())
}

/// Hooks the threads that are newer than the newest one that has been hooked. A thread keeps a hook of the program: it
/// may be in it now. Runs no Python.
#[cold]
pub fn hook_newer_threads(python: Python<'_>) {
    let Some(argument) = ARGUMENT.get(python) else { return };
    let newest = thread_list::visit_newer(python, NEWEST.load(Ordering::Relaxed), |thread| {
        let object = thread.profile_object();
        if object.is_null() || object == argument.as_ptr() {
            let before = thread.set_profile(Some((hook_function(), argument.bind(python).clone())));
            drop(before); // none, or the argument, of which there is another reference
        }
    });
    NEWEST.store(newest, Ordering::Relaxed);
}

/// Hooks all threads that have no hook of the program. Runs no Python.
pub fn hook_all_threads(python: Python<'_>) {
    NEWEST.store(-1, Ordering::Relaxed);
    hook_newer_threads(python);
}

/// Whether this function has just started a thread.
#[inline(always)]
fn is_starter(function: *mut PyObject) -> bool {
    STARTERS.iter().any(|starter| starter.load(Ordering::Relaxed) == function)
}

/// Handles the first event since `threading` has made this the hook of a new thread, or the program that of an old one:
/// replaces itself by the C function. If the thread had that before, the event is the return from `sys.setprofile`.
#[pyfunction]
fn hook_new_thread(frame: &Bound<'_, PyAny>, event: &str, argument: &Bound<'_, PyAny>) -> PyResult<()> {
    let python = frame.py();
    if is_idle(python) {
        return Ok(());
    }
    hook(python)?;
    // The program may call this with whatever it likes.
    // SAFETY: a living object.
    if unsafe { ffi::PyFrame_Check(frame.as_ptr()) } == 0 {
        return Ok(());
    }
    let (frame, function) = (frame.as_ptr().cast(), argument.as_ptr());
    match event {
        // SAFETY: a living frame.
        "call" if options::arguments() => unsafe { events::enter_logged(python, frame, true) },
        // SAFETY: a living frame.
        "call" => unsafe { events::on_python(python, frame, None) },
        // SAFETY: a living object.
        "c_return" if unsafe { ffi::PyCFunction_Check(function) } != 0 => {
            // SAFETY: a living frame and a C function.
            unsafe { events::on_c(python, frame, function, Some(Kind::Return)) };
        }
        _ => {}
    }
    Ok(())
}

/// Whether no calls are recorded. Then the calling thread loses its hook, unless the hook waits for the end of a pause.
fn is_idle(python: Python<'_>) -> bool {
    if recording::records_calls() {
        return false;
    }
    if due::is_waiting() {
        due::act();
    } else {
        unhook(python);
    }
    true
}

/// Returns the hook as the interpreter calls it.
fn hook_function() -> ffi::Py_tracefunc {
    if options::arguments() || options::return_values() { on_event_logged } else { on_event }
}

/// Handles an event where arguments or return values are logged.
unsafe extern "C" fn on_event_logged(
    object: *mut PyObject,
    frame: *mut PyFrameObject,
    what: c_int,
    argument: *mut PyObject,
) -> c_int {
    // SAFETY: the interpreter calls with the GIL held.
    let python = unsafe { Python::assume_attached() };
    let is_recording = recording::records_calls();
    match what {
        // SAFETY: the interpreter passes a living frame.
        ffi::PyTrace_CALL if is_recording && options::arguments() => unsafe {
            events::enter_logged(python, frame, false);
        },
        // SAFETY: as above, and the value that is returned or NULL.
        ffi::PyTrace_RETURN if is_recording && options::return_values() => unsafe {
            events::leave_logged(python, frame, argument);
        },
        // SAFETY: these are the interpreter's arguments.
        _ => return unsafe { on_event(object, frame, what, argument) },
    }
    0
}

unsafe extern "C" fn on_event(
    _: *mut PyObject,
    frame: *mut PyFrameObject,
    what: c_int,
    argument: *mut PyObject,
) -> c_int {
    // SAFETY: the interpreter calls with the GIL held.
    let python = unsafe { Python::assume_attached() };
    if is_idle(python) {
        return 0;
    }
    match what {
        // SAFETY: the interpreter passes a living frame.
        ffi::PyTrace_CALL => unsafe { events::on_python(python, frame, None) },
        ffi::PyTrace_RETURN => {
            let kind = if argument.is_null() { Kind::Raise } else { Kind::Return };
            // SAFETY: as above.
            unsafe { events::on_python(python, frame, Some(kind)) }
        }
        // SAFETY: as above, and with these events the C function.
        ffi::PyTrace_C_CALL => unsafe { events::on_c(python, frame, argument, None) },
        ffi::PyTrace_C_RETURN => {
            if is_starter(argument) {
                hook_newer_threads(python);
            }
            // SAFETY: as above; the interpreter keeps both until this returns.
            unsafe { events::on_c(python, frame, argument, Some(Kind::Return)) }
        }
        // SAFETY: as above.
        ffi::PyTrace_C_EXCEPTION => unsafe { events::on_c(python, frame, argument, Some(Kind::Raise)) },
        _ => {}
    }
    0
}
