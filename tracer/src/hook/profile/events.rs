//! What happens at each event of the profile function. Yields look like returns here, so such spans end with a return.
//!
//! The rule of [`crate::recording`] holds. An event that finds both its thread and its function in the caches is
//! recorded at once. One that does not starts anew out of line: it prepares the thread, which may run Python, then
//! looks for the function and then for the recorder, neither of which does.

use crate::due;
use crate::function::{Builtin, Code, EXCLUDED};
use crate::greenlets;
use crate::hook::logged;
use crate::hook::options::EventOptions;
use crate::thread::current::{self, Found, LastEvent};
use crate::thread::{calls, task};
use pyo3::ffi::{self, PyFrameObject, PyObject};
use pyo3::prelude::*;
use pyo3::types::PyFrame;
use std::sync::atomic::{AtomicBool, Ordering};
use viztracer_format::record::Kind;
use viztracer_recorder::Left;

/// Whether C functions are recorded; their events come in any case.
static C_FUNCTIONS: AtomicBool = AtomicBool::new(true);
/// Whether tasks are distinguished.
static TASKS: AtomicBool = AtomicBool::new(false);

/// Sets what is recorded from now on.
pub fn want(wanted: EventOptions) {
    C_FUNCTIONS.store(wanted.c_functions, Ordering::Relaxed);
    TASKS.store(wanted.tasks, Ordering::Relaxed);
    logged::distinguish_tasks(wanted.tasks);
}

/// Returns the code object that a frame runs.
///
/// # Safety
/// It must be a living frame, and the GIL must be held as long as the answer is used.
#[inline(always)]
unsafe fn code(frame: *mut PyFrameObject) -> Code {
    // SAFETY: a living frame.
    let code = unsafe { ffi::PyFrame_GetCode(frame) }.cast::<PyObject>();
    // SAFETY: the reference that was just made. The frame holds another one, so nothing dies.
    unsafe { ffi::Py_DECREF(code) };
    // SAFETY: a code object, which lives as long as its frame.
    unsafe { Code::new(code) }
}

/// Records that a Python function is entered (`None`) or left.
///
/// # Safety
/// It must be a living frame.
pub unsafe fn on_python(python: Python<'_>, frame: *mut PyFrameObject, left: Option<Kind>) {
    // SAFETY: the caller's promise; `python` proves that the GIL is held.
    let code = unsafe { code(frame) };
    match left {
        None => enter(python, code),
        Some(kind) => {
            let is_of_task = TASKS.load(Ordering::Relaxed) && code.is_async();
            if is_of_task {
                // SAFETY: the caller's promise.
                unsafe { end_task(python, frame, code, kind) };
            }
            let is_due = leave(python, code, kind);
            if is_of_task {
                task::leave(python, true); // perhaps it only waits: this event does not say
            }
            if is_due {
                due::act();
            }
        }
    }
}

/// Lets a task know that it may be about to end: the code of its coroutine is left, and does not only wait.
///
/// # Safety
/// It must be a living frame, of this code.
unsafe fn end_task(python: Python<'_>, frame: *mut PyFrameObject, code: Code, kind: Kind) {
    // SAFETY: the caller's promise.
    let frame = unsafe { Bound::from_borrowed_ptr(python, frame.cast()) };
    let has_returned = || frame.cast::<PyFrame>().is_ok_and(|frame| code.has_returned(frame));
    if kind == Kind::Raise || has_returned() {
        task::end(python, code, None);
    }
}

#[inline(always)]
fn enter(python: Python<'_>, code: Code) {
    let found = match current::last_event(python) {
        LastEvent::Unknown => return enter_anew(python, code),
        LastEvent::NotRecording => return,
        LastEvent::Recording(found) => found,
    };
    let Some(id) = code.known() else { return enter_anew(python, code) };
    // SAFETY: nothing has run since it was found: `known` reads a cache.
    unsafe { enter_known(python, found, code, id) };
}

#[cold]
#[inline(never)]
fn enter_anew(python: Python<'_>, code: Code) {
    if !current::is_recording(python) {
        return;
    }
    let id = greenlets::id_of_running(python, code);
    if let LastEvent::Recording(found) = current::last_event(python) {
        // SAFETY: just found.
        unsafe { enter_known(python, found, code, id) };
    }
}

/// # Safety
/// No Python has run since the recorder was found.
#[inline(always)]
unsafe fn enter_known(python: Python<'_>, found: Found<'_>, code: Code, id: u32) {
    if id == EXCLUDED {
        return;
    }
    if TASKS.load(Ordering::Relaxed) && code.is_async() {
        return task::enter(python, code);
    }
    // SAFETY: as the caller promises, and `is_async` runs no Python; nor does `enter`.
    unsafe { found.with(|recorder| recorder.enter(id, code.tag())) };
}

/// Returns whether it is time to look at the session's switches.
#[inline(always)]
fn leave(python: Python<'_>, code: Code, kind: Kind) -> bool {
    match calls::leave(python, code.tag(), kind) {
        None | Some(Left::Recorded) => false,
        Some(Left::Due) => true,
        Some(Left::Unmatched) => code.id() != EXCLUDED && calls::unwind_to(python, code.tag(), kind),
    }
}

/// Records that a Python function is entered, with its arguments. `is_hook_in_python` is as in [`logged::enter`].
///
/// # Safety
/// It must be a living frame.
pub unsafe fn enter_logged(python: Python<'_>, frame: *mut PyFrameObject, is_hook_in_python: bool) {
    // SAFETY: the caller's promise; `python` proves that the GIL is held.
    let code = unsafe { code(frame) };
    logged::enter(python, code, is_hook_in_python);
}

/// Records that a Python function is left, with its value.
///
/// # Safety
/// It must be a living frame, and `value` must be NULL or a living object.
pub unsafe fn leave_logged(python: Python<'_>, frame: *mut PyFrameObject, value: *mut PyObject) {
    // SAFETY: the caller's promise; `python` proves that the GIL is held.
    let code = unsafe { code(frame) };
    let kind = if value.is_null() { Kind::Raise } else { Kind::Return };
    if logged::is_of_task(code) {
        // SAFETY: the caller's promise.
        unsafe { end_task(python, frame, code, kind) };
    }
    // SAFETY: the caller's promise.
    unsafe { logged::leave(python, code, value, kind) };
}

/// Records that a C function is entered (`None`) or left.
///
/// # Safety
/// They must be a living frame and a living C function.
pub unsafe fn on_c(python: Python<'_>, frame: *mut PyFrameObject, function: *mut PyObject, left: Option<Kind>) {
    if !C_FUNCTIONS.load(Ordering::Relaxed) {
        return;
    }
    // SAFETY: the caller's promise; `python` proves that the GIL is held.
    let caller = unsafe { code(frame) };
    if caller.known() == Some(EXCLUDED) {
        return; // a C function has the same caller at its end
    }
    // Looks at the function anew each time: Python that runs meanwhile can replace a type or a module's name.
    // SAFETY: the caller's promise. Nobody keeps what this returns while Python runs.
    let builtin = || unsafe { Builtin::of_c_function(function) };
    match left {
        None => enter_c(python, caller, builtin),
        Some(kind) => leave_c(python, caller, builtin, kind),
    }
}

#[inline(always)]
fn enter_c(python: Python<'_>, caller: Code, builtin: impl Fn() -> Builtin) {
    let found = match current::last_event(python) {
        LastEvent::Unknown => return enter_c_anew(python, caller, builtin),
        LastEvent::NotRecording => return,
        LastEvent::Recording(found) => found,
    };
    let called = builtin();
    let (Some(caller_id), Some(id)) = (caller.known(), called.known()) else {
        return enter_c_anew(python, caller, builtin);
    };
    if caller_id != EXCLUDED && id != EXCLUDED {
        // SAFETY: nothing has run since it was found: `known` reads a cache. `enter` runs no Python.
        unsafe { found.with(|recorder| recorder.enter(id, called.tag())) };
    }
}

#[cold]
#[inline(never)]
fn enter_c_anew(python: Python<'_>, caller: Code, builtin: impl Fn() -> Builtin) {
    if !current::is_recording(python) || greenlets::id_of_running(python, caller) == EXCLUDED {
        return;
    }
    let builtin = builtin();
    let id = builtin.id();
    if id != EXCLUDED {
        calls::enter(python, id, builtin.tag());
    }
}

#[inline(always)]
fn leave_c(python: Python<'_>, caller: Code, builtin: impl Fn() -> Builtin, kind: Kind) {
    let tag = builtin().tag();
    let is_due = match calls::leave(python, tag, kind) {
        None | Some(Left::Recorded) => false,
        Some(Left::Due) => true,
        Some(Left::Unmatched) => {
            caller.id() != EXCLUDED && builtin().id() != EXCLUDED && calls::unwind_to(python, tag, kind)
        }
    };
    if is_due {
        due::act();
    }
}
