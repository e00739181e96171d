//! CPython 3.10 and 3.11: `PyEval_SetProfile`, per thread.
//!
//! Threads that exist at the start get the hook from there, later ones from the thread that starts them, when
//! `_thread.start_new_thread` returns; where that one has another hook, from `threading.setprofile`. A thread that C code
//! makes is seen when another one starts after it, or not at all. Yields cannot be told from returns here; such spans
//! end with a return.
//!
//! The hook's argument is [`hook_new_thread`], so that `sys.getprofile()` tells our hook from another one, and a program
//! that puts back what it has found there (`old = sys.getprofile(); ...; sys.setprofile(old)`) puts back ours.

use super::logged;
use super::thread_list;
use super::wanted::Wanted;
use crate::function::{Builtin, Code, EXCLUDED};
use crate::recording;
use crate::thread::current;
use crate::thread::task;
use pyo3::ffi::{self, PyFrameObject, PyObject};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use std::ffi::c_int;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicPtr, Ordering};
use viztracer_format::record::Kind;
use viztracer_recorder::{Left, ThreadRecorder};

/// Whether events of C functions are wanted; they come in any case.
static C_FUNCTIONS: AtomicBool = AtomicBool::new(true);
/// Whether arguments or return values are logged.
static LOGGED: AtomicBool = AtomicBool::new(false);
/// Whether tasks are told apart.
static TASKS: AtomicBool = AtomicBool::new(false);
/// The interpreter's number of the newest thread that was given the hook; it numbers them in the order of their birth.
static NEWEST: AtomicI64 = AtomicI64::new(-1);
/// `_thread.start_new_thread` and its old name, which is another object.
static STARTERS: [AtomicPtr<PyObject>; 2] = [const { AtomicPtr::new(ptr::null_mut()) }; 2];
/// The hook's argument.
static ARGUMENT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
/// `sys.getprofile`.
static GET_PROFILE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
/// What new threads had as a hook before the start.
static BEFORE: PyOnceLock<std::sync::Mutex<Option<Py<PyAny>>>> = PyOnceLock::new();

unsafe extern "C" {
    /// Include/cpython/ceval.h: works on other threads than the calling one, too, as long as the GIL is held.
    fn _PyEval_SetProfile(
        thread: *mut ffi::PyThreadState,
        hook: Option<ffi::Py_tracefunc>,
        argument: *mut PyObject,
    ) -> c_int;
}

/// Hooks all threads, those that exist and those to come. After an error no thread to come is hooked.
pub fn install(python: Python<'_>, wanted: Wanted) -> PyResult<()> {
    C_FUNCTIONS.store(wanted.c_functions, Ordering::Relaxed);
    TASKS.store(wanted.tasks, Ordering::Relaxed);
    LOGGED.store(logged::prepare(wanted.tasks), Ordering::Relaxed);
    let sys = python.import("sys")?;
    GET_PROFILE.get_or_try_init(python, || sys.getattr("getprofile").map(Bound::unbind))?;
    let argument = argument(python)?;
    let module = python.import("_thread")?;
    for (starter, name) in STARTERS.iter().zip(["start_new_thread", "start_new"]) {
        starter.store(module.getattr(name)?.into_ptr(), Ordering::Relaxed);
    }
    NEWEST.store(-1, Ordering::Relaxed);
    let threading = python.import("threading")?;
    let before = threading.call_method0("getprofile")?;
    if !before.is(argument) {
        let place = BEFORE.get_or_init(python, Default::default);
        let replaced = place.try_lock().ok().and_then(|mut place| place.replace(before.unbind()));
        drop(replaced);
        threading.call_method1("setprofile", (argument,))?;
    }
    hook_newer_threads(python).inspect_err(|_| {
        let _ = uninstall(python);
    })
}

fn argument(python: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    let make = || wrap_pyfunction!(hook_new_thread, python).map(|hook| hook.into_any().unbind());
    ARGUMENT.get_or_try_init(python, make).map(|argument| argument.bind(python))
}

/// Hooks the threads that are newer than the newest one that has been hooked, from the oldest on. May run Python: audit
/// hooks, and what dies with another hook.
#[cold]
fn hook_newer_threads(python: Python<'_>) -> PyResult<()> {
    let argument = argument(python)?.as_ptr();
    // Looked for anew each time: while Python runs, threads end.
    while let Some((thread, number)) = thread_list::oldest_after(NEWEST.load(Ordering::Relaxed)) {
        NEWEST.fetch_max(number, Ordering::Relaxed);
        // SAFETY: a thread state that the list has just had. A thread takes its own off the list with the GIL held, and
        // we hold it. (Only a C library that deletes the state of another thread without the GIL, which the
        // interpreter allows for states that it has cleared, could be faster.)
        if unsafe { _PyEval_SetProfile(thread, hook(), argument) } != 0 {
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

/// Unhooks the calling thread and those to come; tells whether the calling thread's hook was still ours. Other threads
/// unhook themselves at their next event, since their hook may be somebody else's by now.
pub fn uninstall(python: Python<'_>) -> PyResult<bool> {
    let argument = argument(python)?;
    let Some(get_profile) = GET_PROFILE.get(python) else { return Ok(true) };
    let is_ours = get_profile.bind(python).call0()?.is(argument);
    if is_ours {
        unhook();
    }
    let threading = python.import("threading")?;
    if threading.call_method0("getprofile")?.is(argument) {
        let before = BEFORE.get(python).and_then(|place| place.try_lock().ok()?.take());
        threading.call_method1("setprofile", (before,))?;
    }
    Ok(is_ours)
}

/// Hooks the calling thread again if it has no hook.
pub fn mend(python: Python<'_>, _: Wanted) -> PyResult<bool> {
    let Some(get_profile) = GET_PROFILE.get(python) else { return Ok(false) };
    let is_free = get_profile.bind(python).call0()?.is_none();
    if is_free {
        // SAFETY: the GIL is held, and nothing of ours is held; an audit hook may run.
        unsafe { ffi::PyEval_SetProfile(self::hook(), argument(python)?.as_ptr()) };
    }
    Ok(is_free)
}

/// Whether a profile function is our hook.
pub fn is_hook(python: Python<'_>, function: *mut PyObject) -> bool {
    ARGUMENT.get(python).is_some_and(|argument| argument.as_ptr() == function)
}

fn unhook() {
    // SAFETY: the GIL is held, and nothing of ours is held; an audit hook may run.
    unsafe { ffi::PyEval_SetProfile(None, ptr::null_mut()) };
}

/// The first event since `threading` has made this the hook of a new thread, or the program that of an old one: makes
/// the right one that, and handles the event. If the thread had it before, the event is the return from
/// `sys.setprofile`.
#[pyfunction]
fn hook_new_thread(frame: &Bound<'_, PyAny>, event: &str, argument: &Bound<'_, PyAny>) -> PyResult<()> {
    if recording::current() == 0 {
        unhook();
        return Ok(());
    }
    let hook = self::argument(frame.py())?.as_ptr();
    // SAFETY: the GIL is held, and nothing of ours is held; an audit hook may run.
    unsafe { ffi::PyEval_SetProfile(self::hook(), hook) };
    match event {
        // SAFETY: a living frame.
        "call" if LOGGED.load(Ordering::Relaxed) => drop(logged::enter(unsafe { code(frame.as_ptr().cast()) }, true)),
        // SAFETY: a living frame.
        "call" => unsafe { on_python(frame.as_ptr().cast(), None) },
        // SAFETY: a living frame, and with this event the C function.
        "c_return" => unsafe { on_c(frame.as_ptr().cast(), argument.as_ptr(), Some(Kind::Return)) },
        _ => {}
    }
    Ok(())
}

/// The hook that threads get.
fn hook() -> Option<ffi::Py_tracefunc> {
    Some(if LOGGED.load(Ordering::Relaxed) { on_event_logged } else { on_event })
}

/// The hook where arguments or return values are logged.
unsafe extern "C" fn on_event_logged(
    object: *mut PyObject,
    frame: *mut PyFrameObject,
    what: c_int,
    argument: *mut PyObject,
) -> c_int {
    if recording::current() != 0 && matches!(what, ffi::PyTrace_CALL | ffi::PyTrace_RETURN) {
        // SAFETY: the interpreter passes a living frame.
        let code = unsafe { code(frame) };
        if what == ffi::PyTrace_CALL {
            logged::enter(code, false);
        } else {
            let kind = if argument.is_null() { Kind::Raise } else { Kind::Return };
            // SAFETY: the interpreter passes the value that is returned, or NULL.
            unsafe { logged::leave(code, argument, kind) };
        }
        return 0;
    }
    // SAFETY: these are the interpreter's arguments.
    unsafe { on_event(object, frame, what, argument) }
}

unsafe extern "C" fn on_event(
    _: *mut PyObject,
    frame: *mut PyFrameObject,
    what: c_int,
    argument: *mut PyObject,
) -> c_int {
    if recording::current() == 0 {
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
                // An audit hook may refuse; then that thread is not recorded.
                crate::aside::aside(|python| hook_newer_threads(python).ok());
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
    // SAFETY: the reference that was just made; the frame holds another one, so nothing dies.
    unsafe { ffi::Py_DECREF(code) };
    // SAFETY: a living code object.
    unsafe { Code::new(code) }
}

// What follows keeps the rule of `recording`: a hook that finds both its thread and its function in the caches records
// at once. One that does not starts anew out of line: it prepares the thread, which may run Python, then looks for the
// function and then for the recorder, neither of which does.

/// A Python function is entered (`None`) or left.
unsafe fn on_python(frame: *mut PyFrameObject, left: Option<Kind>) {
    // SAFETY: a living frame.
    let code = unsafe { code(frame) };
    match left {
        None => enter(code),
        Some(kind) => {
            leave(code, kind);
            if TASKS.load(Ordering::Relaxed) && code.is_coroutine() {
                task::leave(true); // perhaps it only waits: that cannot be told here
            }
        }
    }
}

#[inline(always)]
fn enter(code: Code) {
    let Some(recorder) = current::seen() else { return enter_anew(code) };
    if recorder.is_null() {
        return;
    }
    let Some(id) = code.known() else { return enter_anew(code) };
    // SAFETY: the recorder of this thread, not null, and nothing has run since it was found.
    unsafe { enter_known(recorder, code, id) };
}

#[cold]
#[inline(never)]
fn enter_anew(code: Code) {
    if !current::is_recording() {
        return;
    }
    let id = code.id_of_running();
    if let Some(recorder) = current::seen() {
        // SAFETY: as `is_recording` has found it; nothing has run Python since.
        unsafe { enter_known(recorder, code, id) };
    }
}

/// # Safety
/// It must be the calling thread's recorder, just found.
#[inline(always)]
unsafe fn enter_known(recorder: *mut ThreadRecorder, code: Code, id: u32) {
    if id == EXCLUDED {
        return;
    }
    match TASKS.load(Ordering::Relaxed) && code.is_coroutine() {
        true => task::enter(code),
        // SAFETY: as the caller promises; `enter` runs no Python and keeps the GIL.
        false => unsafe { &mut *recorder }.enter(id, code.tag()),
    }
}

#[inline(always)]
fn leave(code: Code, kind: Kind) {
    // SAFETY: a hook; `leave` runs no Python and keeps the GIL, and the recorder is not used after it.
    let Some(recorder) = (unsafe { current::recorder() }) else { return };
    if recorder.leave(code.tag(), kind) == Left::Unmatched && code.id() != EXCLUDED {
        // SAFETY: a hook; `unwind_to` runs no Python and keeps the GIL.
        if let Some(recorder) = unsafe { current::recorder() } {
            recorder.unwind_to(code.tag(), kind);
        }
    }
}

/// A C function is entered (`None`) or left.
unsafe fn on_c(frame: *mut PyFrameObject, function: *mut PyObject, left: Option<Kind>) {
    if !C_FUNCTIONS.load(Ordering::Relaxed) {
        return;
    }
    // SAFETY: these events come only with `builtin_function_or_method` objects.
    let builtin = unsafe { Builtin::of_c_function(function) };
    // SAFETY: a living frame.
    let caller = unsafe { code(frame) };
    match left {
        None => enter_c(caller, builtin),
        Some(kind) => leave_c(caller, builtin, kind),
    }
}

#[inline(always)]
fn enter_c(caller: Code, builtin: Builtin) {
    let Some(recorder) = current::seen() else { return enter_c_anew(caller, builtin) };
    if recorder.is_null() {
        return;
    }
    let (Some(caller), Some(id)) = (caller.known(), builtin.known()) else { return enter_c_anew(caller, builtin) };
    if caller != EXCLUDED && id != EXCLUDED {
        // SAFETY: the recorder of this thread, not null, and nothing has run since it was found.
        unsafe { &mut *recorder }.enter(id, builtin.tag());
    }
}

#[cold]
#[inline(never)]
fn enter_c_anew(caller: Code, builtin: Builtin) {
    if !current::is_recording() || caller.id_of_running() == EXCLUDED {
        return;
    }
    let id = builtin.id();
    // SAFETY: a hook; `enter` runs no Python and keeps the GIL.
    if let Some(recorder) = unsafe { current::recorder() }.filter(|_| id != EXCLUDED) {
        recorder.enter(id, builtin.tag());
    }
}

#[inline(always)]
fn leave_c(caller: Code, builtin: Builtin, kind: Kind) {
    // SAFETY: a hook; `leave` runs no Python and keeps the GIL, and the recorder is not used after it.
    let Some(recorder) = (unsafe { current::recorder() }) else { return };
    if recorder.leave(builtin.tag(), kind) == Left::Unmatched && caller.id() != EXCLUDED && builtin.id() != EXCLUDED {
        // SAFETY: a hook; `unwind_to` runs no Python and keeps the GIL.
        if let Some(recorder) = unsafe { current::recorder() } {
            recorder.unwind_to(builtin.tag(), kind);
        }
    }
}
