//! CPython 3.10 and 3.11: `PyEval_SetProfile`, per thread.
//!
//! Threads that exist at the start get the hook from there, later ones from the thread that starts them, when
//! `_thread.start_new_thread` returns; where that one has another hook, from `threading.setprofile`. A thread that C code
//! makes is seen when another one starts after it, or not at all. Yields cannot be told from returns here; such spans
//! end with a return.

use super::Wanted;
use crate::function::{Builtin, Code, EXCLUDED};
use crate::{current, session, task};
use pyo3::ffi::{self, PyFrameObject, PyObject};
use pyo3::prelude::*;
use std::ffi::c_int;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicPtr, Ordering};
use viztracer_format::record::Kind;
use viztracer_recorder::Left;

/// Whether events of C functions are wanted; they come in any case.
static C_FUNCTIONS: AtomicBool = AtomicBool::new(true);
/// Whether tasks are told apart.
static TASKS: AtomicBool = AtomicBool::new(false);
/// The interpreter's number of the newest thread that was given the hook; it numbers them in the order of their birth.
static NEWEST: AtomicI64 = AtomicI64::new(-1);
/// `_thread.start_new_thread` and its old name, which is another object.
static STARTERS: [AtomicPtr<PyObject>; 2] = [const { AtomicPtr::new(ptr::null_mut()) }; 2];

unsafe extern "C" {
    /// Include/cpython/ceval.h: works on other threads than the calling one, too, as long as the GIL is held.
    fn _PyEval_SetProfile(
        thread: *mut ffi::PyThreadState,
        hook: Option<ffi::Py_tracefunc>,
        argument: *mut PyObject,
    ) -> c_int;
}

/// Hooks all threads, those that exist and those to come.
pub fn install(python: Python<'_>, wanted: Wanted) -> PyResult<()> {
    C_FUNCTIONS.store(wanted.c_functions, Ordering::Relaxed);
    TASKS.store(wanted.tasks, Ordering::Relaxed);
    let hook = wrap_pyfunction!(hook_new_thread, python)?;
    python.import("threading")?.call_method1("setprofile", (hook,))?;
    let module = python.import("_thread")?;
    for (starter, name) in STARTERS.iter().zip(["start_new_thread", "start_new"]) {
        starter.store(module.getattr(name)?.into_ptr(), Ordering::Relaxed);
    }
    NEWEST.store(-1, Ordering::Relaxed);
    hook_newer_threads(python)
}

/// Hooks the threads that are newer than the newest one that has been hooked.
#[cold]
fn hook_newer_threads(python: Python<'_>) -> PyResult<()> {
    let known = NEWEST.load(Ordering::Relaxed);
    for thread in threads() {
        // SAFETY: a living thread of this interpreter, and the GIL is held.
        let number = unsafe { ffi::PyThreadState_GetID(thread) };
        if number <= known {
            break; // the newest ones come first
        }
        NEWEST.fetch_max(number, Ordering::Relaxed);
        // SAFETY: as above.
        if unsafe { _PyEval_SetProfile(thread, Some(on_event), ptr::null_mut()) } != 0 {
            return Err(PyErr::fetch(python));
        }
    }
    Ok(())
}

/// Whether this function has just started a thread.
#[inline(always)]
fn is_starter(function: *mut PyObject) -> bool {
    STARTERS.iter().any(|starter| starter.load(Ordering::Relaxed) == function)
}

/// Unhooks the calling thread and those to come. Other threads unhook themselves at their next event, since their hook
/// may be somebody else's by now.
pub fn uninstall(python: Python<'_>) -> PyResult<()> {
    unhook();
    python.import("threading")?.call_method1("setprofile", (python.None(),))?;
    Ok(())
}

fn unhook() {
    // SAFETY: the GIL is held.
    unsafe { ffi::PyEval_SetProfile(None, ptr::null_mut()) };
}

/// The threads of this interpreter.
fn threads() -> impl Iterator<Item = *mut ffi::PyThreadState> {
    // SAFETY: the GIL is held, so the list of threads stands still.
    let first = unsafe { ffi::PyInterpreterState_ThreadHead(ffi::PyInterpreterState_Get()) };
    // SAFETY: a living thread.
    let next = |thread: &*mut ffi::PyThreadState| unsafe { ffi::PyThreadState_Next(*thread) };
    let is_some = |thread: *mut ffi::PyThreadState| (!thread.is_null()).then_some(thread);
    std::iter::successors(is_some(first), move |thread| is_some(next(thread)))
}

/// The first event since `threading` has made this the hook of a new thread: makes the right one that, and handles the
/// event. If the thread had it before, the event is the return from `sys.setprofile`.
#[pyfunction]
fn hook_new_thread(frame: &Bound<'_, PyAny>, event: &str, argument: &Bound<'_, PyAny>) {
    if session::current() == 0 {
        return unhook();
    }
    // SAFETY: the GIL is held.
    unsafe { ffi::PyEval_SetProfile(Some(on_event), ptr::null_mut()) };
    match event {
        // SAFETY: a living frame.
        "call" => unsafe { on_python(frame.as_ptr().cast(), None) },
        // SAFETY: a living frame, and with this event the C function.
        "c_return" => unsafe { on_c(frame.as_ptr().cast(), argument.as_ptr(), Some(Kind::Return)) },
        _ => {}
    }
}

unsafe extern "C" fn on_event(
    _: *mut PyObject,
    frame: *mut PyFrameObject,
    what: c_int,
    argument: *mut PyObject,
) -> c_int {
    if session::current() == 0 {
        unhook();
        return 0;
    }
    match what {
        // SAFETY: the interpreter passes a living frame.
        ffi::PyTrace_CALL => unsafe { on_python(frame, None) },
        ffi::PyTrace_RETURN => {
            let kind = if argument.is_null() { Kind::Raise } else { Kind::Return };
            // SAFETY: as above.
            unsafe { on_python(frame, Some(kind)) }
        }
        // SAFETY: as above, and with these events the C function.
        ffi::PyTrace_C_CALL => unsafe { on_c(frame, argument, None) },
        ffi::PyTrace_C_RETURN => {
            if is_starter(argument) {
                // SAFETY: hooks run with the GIL held.
                let python = unsafe { Python::assume_attached() };
                // An audit hook may refuse; then that thread is not recorded.
                let _ = hook_newer_threads(python);
            }
            // SAFETY: as above.
            unsafe { on_c(frame, argument, Some(Kind::Return)) }
        }
        // SAFETY: as above.
        ffi::PyTrace_C_EXCEPTION => unsafe { on_c(frame, argument, Some(Kind::Raise)) },
        _ => {}
    }
    0
}

/// The code object that a frame runs; the frame keeps it alive.
#[inline(always)]
unsafe fn code(frame: *mut PyFrameObject) -> Code {
    // SAFETY: a living frame.
    let code = unsafe { ffi::PyFrame_GetCode(frame) }.cast::<PyObject>();
    // SAFETY: the reference that was just made; the frame holds another one.
    unsafe { ffi::Py_DECREF(code) };
    // SAFETY: a living code object.
    unsafe { Code::new(code) }
}

/// A Python function is entered (`None`) or left.
unsafe fn on_python(frame: *mut PyFrameObject, left: Option<Kind>) {
    let Some(recorder) = current::recorder() else { return };
    // SAFETY: a living frame.
    let code = unsafe { code(frame) };
    match left {
        None => {
            let id = code.id();
            if id == EXCLUDED {
                return;
            }
            match TASKS.load(Ordering::Relaxed) && code.is_coroutine() {
                true => task::enter(id, code.tag()),
                false => recorder.enter(id, code.tag()),
            }
        }
        Some(kind) => {
            if recorder.leave(code.tag(), kind) == Left::Unmatched && code.id() != EXCLUDED {
                recorder.unwind_to(code.tag(), kind);
            }
            if TASKS.load(Ordering::Relaxed) && code.is_coroutine() {
                task::leave(true); // perhaps it only waits: that cannot be told here
            }
        }
    }
}

/// A C function is entered (`None`) or left.
unsafe fn on_c(frame: *mut PyFrameObject, function: *mut PyObject, left: Option<Kind>) {
    if !C_FUNCTIONS.load(Ordering::Relaxed) {
        return;
    }
    let Some(recorder) = current::recorder() else { return };
    // SAFETY: these events come only with `builtin_function_or_method` objects.
    let builtin = unsafe { Builtin::of_c_function(function) };
    match left {
        None => {
            // SAFETY: a living frame.
            if unsafe { code(frame) }.id() == EXCLUDED {
                return;
            }
            let id = builtin.id();
            if id != EXCLUDED {
                recorder.enter(id, builtin.tag());
            }
        }
        Some(kind) => {
            if recorder.leave(builtin.tag(), kind) == Left::Unmatched {
                // SAFETY: a living frame.
                let caller = unsafe { code(frame) };
                if caller.id() != EXCLUDED && builtin.id() != EXCLUDED {
                    recorder.unwind_to(builtin.tag(), kind);
                }
            }
        }
    }
}
