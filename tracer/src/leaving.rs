//! Functions of Python's in which a process ends without a word, and what is said on the way into them.
//!
//! `os._exit` and `os.exec...` are C functions, which the hooks see only if C functions are recorded, and whose arguments
//! they do not see. So functions of ours take their place ([`crate::interpose`]). In the same way `signal.signal` tells
//! when the program has chosen the default action for a signal ([`deadly_signal`]).

use crate::interpose::{Ours, integer, plain, replace, with_keywords};
use crate::{current, deadly_signal, farewell};
use pyo3::ffi::{self, Py_ssize_t, PyObject};
use pyo3::prelude::*;
use std::ffi::CStr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use viztracer_format::header::{ENDING_EXEC, ENDING_EXIT, ENDING_LEFT};
use viztracer_recorder::last_act;

/// The addresses of the interpreter's own functions, 0: not known.
static EXIT: AtomicUsize = AtomicUsize::new(0);
static EXECV: AtomicUsize = AtomicUsize::new(0);
static EXECVE: AtomicUsize = AtomicUsize::new(0);
static SIGNAL: AtomicUsize = AtomicUsize::new(0);

/// What is asked before the first process becomes another program: a function that takes its path and environment.
static BEFORE_EXEC: Mutex<Option<Py<PyAny>>> = Mutex::new(None);

/// From now on we are asked on the way into these functions.
pub fn watch(python: Python<'_>) -> PyResult<()> {
    if EXIT.load(Ordering::Relaxed) != 0 {
        return Ok(());
    }
    replace(python, "posix", "_exit", &EXIT, Ours::WithKeywords(exit))?;
    replace(python, "posix", "execv", &EXECV, Ours::Plain(execv))?;
    replace(python, "posix", "execve", &EXECVE, Ours::WithKeywords(execve))?;
    replace(python, "_signal", "signal", &SIGNAL, Ours::Plain(signal))
}

/// The interpreter ends in order, which the ring file is to tell.
#[pyfunction]
pub fn note_exit() {
    current::settle();
    last_act::note(ENDING_EXIT);
}

/// Whether somebody has cut the ring file while it was written, and with it what was recorded.
#[pyfunction]
pub fn ring_cut() -> bool {
    last_act::is_cut()
}

/// From now on `before` is called with the path and the environment (or `None`) of a program that the first process of
/// a run is about to become.
#[pyfunction]
pub fn ask_before_exec(before: Py<PyAny>) {
    if let Ok(mut asked) = BEFORE_EXEC.lock() {
        *asked = Some(before);
    }
}

unsafe extern "C" fn exit(
    module: *mut PyObject,
    arguments: *const *mut PyObject,
    count: Py_ssize_t,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the interpreter passes this many arguments, and as many more as there are names.
    if unsafe { will_end(arguments, count, names) } {
        last_act::note(ENDING_LEFT);
        farewell::say_undisturbed();
    }
    // SAFETY: the interpreter's own function with the arguments that it got.
    let result = unsafe { with_keywords(&EXIT)(module, arguments, count, names) };
    last_act::take_back();
    result
}

/// Whether `os._exit` ends the process, and does not raise an error. What is said on the way out cannot be said twice.
///
/// # Safety
/// There must be so many arguments, and as many more as there are names.
unsafe fn will_end(arguments: *const *mut PyObject, count: Py_ssize_t, names: *mut PyObject) -> bool {
    let is_status = match names.is_null() {
        true => count == 1,
        // SAFETY: the interpreter passes the names as a tuple of strings.
        false => count == 0 && unsafe { ffi::PyTuple_Size(names) } == 1 && unsafe { is_named(names, c"status") },
    };
    // SAFETY: there is one argument.
    is_status && unsafe { integer(*arguments) }.is_some()
}

/// # Safety
/// It must be a tuple that begins with a string.
unsafe fn is_named(names: *mut PyObject, name: &CStr) -> bool {
    // SAFETY: the caller's promise, and an ASCII string.
    unsafe { ffi::PyUnicode_CompareWithASCIIString(ffi::PyTuple_GetItem(names, 0), name.as_ptr()) == 0 }
}

unsafe extern "C" fn execv(module: *mut PyObject, arguments: *mut *mut PyObject, count: Py_ssize_t) -> *mut PyObject {
    // SAFETY: the interpreter passes this many arguments.
    unsafe { before_exec(arguments, count) };
    // SAFETY: the interpreter's own function with the arguments that it got.
    let result = unsafe { plain(&EXECV)(module, arguments, count) };
    last_act::take_back();
    result
}

unsafe extern "C" fn execve(
    module: *mut PyObject,
    arguments: *const *mut PyObject,
    count: Py_ssize_t,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the interpreter passes this many arguments.
    unsafe { before_exec(arguments, count) };
    // SAFETY: the interpreter's own function with the arguments that it got.
    let result = unsafe { with_keywords(&EXECVE)(module, arguments, count, names) };
    last_act::take_back();
    result
}

unsafe extern "C" fn signal(module: *mut PyObject, arguments: *mut *mut PyObject, count: Py_ssize_t) -> *mut PyObject {
    // SAFETY: the interpreter's own function with the arguments that it got.
    let result = unsafe { plain(&SIGNAL)(module, arguments, count) };
    if !result.is_null() && count > 0 {
        // SAFETY: there is a first argument.
        if let Some(number) = unsafe { integer(*arguments) } {
            deadly_signal::rearm(number);
        }
    }
    result
}

/// # Safety
/// There must be so many arguments.
unsafe fn before_exec(arguments: *const *mut PyObject, count: Py_ssize_t) {
    if farewell::is_due() && count > 0 {
        // SAFETY: functions are called with the GIL held.
        let python = unsafe { Python::assume_attached() };
        // SAFETY: the caller says that these are living objects.
        let argument = |index: usize| unsafe { Bound::from_borrowed_ptr(python, *arguments.add(index)) };
        let environment = if count > 2 { argument(2) } else { python.None().into_bound(python) };
        let asked = BEFORE_EXEC.lock().ok().and_then(|asked| asked.as_ref().map(|before| before.clone_ref(python)));
        if let Some(before) = asked {
            let _ = before.call1(python, (argument(0), environment)); // whatever it is, the program goes on
        }
    }
    last_act::note(ENDING_EXEC);
}
