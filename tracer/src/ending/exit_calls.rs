//! The functions in which a process ends at once: `os._exit` and `os.exec...`. The ring file records that they are
//! called.
//!
//! They are C functions, which the hooks see only if C functions are recorded, and whose arguments the hooks do not
//! see. So functions of ours take their place ([`crate::interpose`]). In the same way we notice when the program has
//! chosen an action for a signal by `signal.signal` ([`deadly_signal`]).

use crate::ending::deadly_signal;
use crate::ending::exit_report;
use crate::fallible::Name;
use crate::interpose::{Original, Positional, WithKeywords, integer, is_in_main_interpreter};
use crate::recording;
use crate::sync::{Mutex, lock};
use crate::system::OS_MODULE;
use crate::thread::current;
use pyo3::ffi::{self, Py_ssize_t, PyObject};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use std::ffi::CStr;
use viztracer_format::header::{ENDING_EXEC, ENDING_EXIT, ENDING_LEFT};
use viztracer_recorder::last_act;

/// The interpreter's own functions.
static EXIT: Original<WithKeywords> = Original::new();
static EXECV: Original<Positional> = Original::new();
static EXECVE: Original<WithKeywords> = Original::new();
static SIGNAL: Original<Positional> = Original::new();

/// The variable with the name of a module. It is made at the start: a process that ends may have no memory.
static NAME: Name = Name::new("__name__");

/// The function that is called before the first process of a run becomes another program.
static BEFORE_EXEC: Mutex<Option<Py<PyAny>>> = Mutex::new(None);

/// Puts our functions in the place of the interpreter's.
pub fn watch(python: Python<'_>) -> PyResult<()> {
    if EXIT.is_replaced() {
        return Ok(());
    }
    NAME.get(python)?;
    EXIT.replace_by(python, OS_MODULE, "_exit", exit)?;
    EXECV.replace_by(python, OS_MODULE, "execv", execv)?;
    EXECVE.replace_by(python, OS_MODULE, "execve", execve)?;
    SIGNAL.replace_by(python, "_signal", "signal", signal)
}

/// Notes in the ring file that the interpreter ends in order.
#[pyfunction]
pub fn note_exit(python: Python<'_>) {
    current::ensure_own_file(python);
    last_act::note(ENDING_EXIT);
}

/// Whether somebody has cut the ring file while it was written, and with it what was recorded.
#[pyfunction]
pub fn ring_cut() -> bool {
    last_act::is_cut()
}

/// Has `before` called when the first process of a run is about to become another program: with the path, the arguments
/// and the environment of that (or `None`: its own). It returns whether it has written a line about that to stderr.
#[pyfunction]
pub fn ask_before_exec(before: Py<PyAny>) {
    let replaced = lock(&BEFORE_EXEC).replace(before);
    drop(replaced); // not under the lock: it may run Python
}

unsafe extern "C" fn exit(
    module: *mut PyObject,
    arguments: *const *mut PyObject,
    count: Py_ssize_t,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the interpreter calls with the GIL held.
    let python = unsafe { Python::assume_attached() };
    // SAFETY: the interpreter passes this many arguments, and as many more as there are names.
    let status = match unsafe { status(arguments, count, names) } {
        // SAFETY: a living object, of which the interpreter's own function would ask the same, once.
        Some(status) => unsafe { ffi::PyNumber_Index(status) },
        // SAFETY: the interpreter's own function with the arguments that it got; it raises an error.
        None => return unsafe { EXIT.get()(module, arguments, count, names) },
    };
    if status.is_null() {
        return status; // the same error
    }
    // SAFETY: a living object, see above.
    if unsafe { integer(status) }.is_some() {
        note_end(python);
        exit_report::write_undisturbed();
    }
    // SAFETY: the interpreter's own function with what it would have made of the argument.
    let result = unsafe { EXIT.get()(module, &status, count, names) };
    last_act::take_back();
    // SAFETY: a reference of our own.
    unsafe { ffi::Py_DECREF(status) };
    result
}

/// Notes in the ring file that the process ends here.
fn note_end(python: Python<'_>) {
    if is_in_main_interpreter() && is_called_by_multiprocessing(python) {
        current::halt(python);
        recording::finish_open_calls();
        last_act::note(ENDING_EXIT);
    } else {
        last_act::note(ENDING_LEFT);
    }
}

/// Whether `multiprocessing` itself calls `os._exit`: a process that it has forked ends in order so. Our finalizer has
/// closed the ring file by then, unless the process had no memory to run it.
fn is_called_by_multiprocessing(python: Python<'_>) -> bool {
    // SAFETY: the GIL is held, as `python` proves. NULL, or the variables of the running function's module.
    let variables = unsafe { Bound::from_borrowed_ptr_or_opt(python, ffi::PyEval_GetGlobals()) };
    let variables = variables.and_then(|variables| variables.cast_into::<PyDict>().ok());
    let module = variables.and_then(|variables| variables.get_item(NAME.get(python).ok()?).ok()?);
    let module = module.and_then(|module| module.cast_into::<PyString>().ok());
    let name = module.as_ref().and_then(|module| module.to_str().ok());
    matches!(name, Some("multiprocessing.popen_fork" | "multiprocessing.forkserver"))
}

/// Returns the status that `os._exit` is called with, if it is called in the right way.
///
/// # Safety
/// There must be so many arguments, and as many more as there are names.
unsafe fn status(arguments: *const *mut PyObject, count: Py_ssize_t, names: *mut PyObject) -> Option<*mut PyObject> {
    let is_status = match names.is_null() {
        true => count == 1,
        // SAFETY: the interpreter passes the names as a tuple of strings.
        false => count == 0 && unsafe { ffi::PyTuple_Size(names) } == 1 && unsafe { is_named(names, c"status") },
    };
    // SAFETY: there is one argument.
    is_status.then(|| unsafe { *arguments })
}

/// # Safety
/// It must be a tuple that begins with a string.
unsafe fn is_named(names: *mut PyObject, name: &CStr) -> bool {
    // SAFETY: the caller's promise, and an ASCII string.
    unsafe { ffi::PyUnicode_CompareWithASCIIString(ffi::PyTuple_GetItem(names, 0), name.as_ptr()) == 0 }
}

unsafe extern "C" fn execv(module: *mut PyObject, arguments: *mut *mut PyObject, count: Py_ssize_t) -> *mut PyObject {
    // SAFETY: the interpreter passes this many arguments.
    let is_announced = unsafe { before_exec(arguments, count) };
    // SAFETY: the interpreter's own function with the arguments that it got.
    let result = unsafe { EXECV.get()(module, arguments, count) };
    after_exec(is_announced);
    result
}

unsafe extern "C" fn execve(
    module: *mut PyObject,
    arguments: *const *mut PyObject,
    count: Py_ssize_t,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the interpreter passes this many arguments.
    let is_announced = unsafe { before_exec(arguments, count) };
    // SAFETY: the interpreter's own function with the arguments that it got.
    let result = unsafe { EXECVE.get()(module, arguments, count, names) };
    after_exec(is_announced);
    result
}

unsafe extern "C" fn signal(module: *mut PyObject, arguments: *mut *mut PyObject, count: Py_ssize_t) -> *mut PyObject {
    // SAFETY: the interpreter's own function with the arguments that it got.
    let result = unsafe { SIGNAL.get()(module, arguments, count) };
    if !result.is_null() && count > 0 {
        // SAFETY: there is a first argument.
        if let Some(number) = unsafe { integer(*arguments) } {
            deadly_signal::rearm(number);
        }
    }
    result
}

/// Asks our Python before an exec, and notes the exec in the ring file. Returns whether a line on stderr announces it.
///
/// # Safety
/// There must be so many arguments.
unsafe fn before_exec(arguments: *const *mut PyObject, count: Py_ssize_t) -> bool {
    let is_asked = exit_report::is_armed() && count > 0;
    // SAFETY: the caller's promise, and there is one.
    let is_announced = is_asked && in_main_interpreter(|python| unsafe { ask(python, arguments, count) });
    last_act::note(ENDING_EXEC);
    is_announced
}

/// Takes the note back after an exec that has failed: the process is what it was.
fn after_exec(is_announced: bool) {
    last_act::take_back();
    if is_announced {
        crate::stderr::complain("exec failed: the process goes on, and so does its recording");
    }
}

/// Calls our Python, whose errors count as "not announced": the program goes on. The arguments may be of another
/// interpreter, but one that may exec shares the GIL of the main one.
///
/// # Safety
/// There must be so many arguments, at least one.
unsafe fn ask(python: Python<'_>, arguments: *const *mut PyObject, count: Py_ssize_t) -> bool {
    let argument = |index: Py_ssize_t| match index < count {
        // SAFETY: the caller says that these are living objects.
        true => unsafe { Bound::from_borrowed_ptr(python, *arguments.offset(index)) },
        false => python.None().into_bound(python),
    };
    let asked = lock(&BEFORE_EXEC).as_ref().map(|before| before.clone_ref(python));
    asked.is_some_and(|before| {
        let said = before.call1(python, (argument(0), argument(1), argument(2)));
        said.and_then(|said| said.is_truthy(python)).unwrap_or(false)
    })
}

/// Runs our Python in the interpreter that it belongs to, wherever the program called from.
fn in_main_interpreter<T>(run: impl FnOnce(Python<'_>) -> T) -> T {
    if is_in_main_interpreter() {
        // SAFETY: functions are called with the GIL held.
        return run(unsafe { Python::assume_attached() });
    }
    // SAFETY: gives up the GIL of the interpreter that called, which it gets back below.
    let caller = unsafe { ffi::PyEval_SaveThread() };
    // SAFETY: the main interpreter lives as long as the process; the new state is for this thread alone.
    let state = unsafe { ffi::PyThreadState_New(ffi::PyInterpreterState_Main()) };
    // SAFETY: a new state of this thread, which has no other one now.
    unsafe { ffi::PyEval_RestoreThread(state) };
    // SAFETY: the GIL of the main interpreter is held.
    let result = run(unsafe { Python::assume_attached() });
    // SAFETY: the state that was made above, and nothing of it is used any more.
    unsafe { ffi::PyThreadState_Clear(state) };
    // SAFETY: as above; gives up the GIL as well.
    unsafe { ffi::PyThreadState_DeleteCurrent() };
    // SAFETY: the state that was saved above.
    unsafe { ffi::PyEval_RestoreThread(caller) };
    result
}
