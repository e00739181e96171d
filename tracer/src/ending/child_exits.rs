//! How the children of the process ended: functions of ours in the place of `os.wait` and its kind
//! ([`crate::interpose`]) look at what they return, and record it in the ring file.
//!
//! `subprocess`, `multiprocessing` and the child watchers of `asyncio` all call these. The ring file of a child that
//! was killed by SIGKILL says nothing about that, but its parent's does.

use crate::interpose::{OneArgument, Original, Positional, WithKeywords, integer, is_in_main_interpreter};
use crate::recording;
use crate::snapshots;
use crate::thread::current;
use pyo3::ffi::{self, Py_ssize_t, PyObject};
use pyo3::prelude::*;
use std::ffi::c_int;

/// The interpreter's own functions.
static WAIT: Original<OneArgument> = Original::new();
static WAITPID: Original<Positional> = Original::new();
static WAIT3: Original<WithKeywords> = Original::new();
static WAIT4: Original<WithKeywords> = Original::new();
static WAITID: Original<Positional> = Original::new();

/// Puts our functions in the place of the interpreter's. They write into the ring file, whenever there is one.
pub fn watch(python: Python<'_>) -> PyResult<()> {
    if WAITPID.is_replaced() {
        return Ok(());
    }
    WAIT.replace_by(python, "posix", "wait", wait)?;
    WAITPID.replace_by(python, "posix", "waitpid", waitpid)?;
    WAIT3.replace_by(python, "posix", "wait3", wait3)?;
    WAIT4.replace_by(python, "posix", "wait4", wait4)?;
    WAITID.replace_by(python, "posix", "waitid", waitid)
}

unsafe extern "C" fn wait(module: *mut PyObject, nothing: *mut PyObject) -> *mut PyObject {
    // SAFETY: the interpreter's own function with the arguments that it got.
    let result = unsafe { WAIT.get()(module, nothing) };
    // SAFETY: NULL or a new reference.
    note(unsafe { status(result) });
    result
}

unsafe extern "C" fn waitpid(module: *mut PyObject, arguments: *mut *mut PyObject, count: Py_ssize_t) -> *mut PyObject {
    // SAFETY: as in `wait`.
    let result = unsafe { WAITPID.get()(module, arguments, count) };
    // SAFETY: NULL or a new reference.
    note(unsafe { status(result) });
    result
}

unsafe extern "C" fn wait3(
    module: *mut PyObject,
    arguments: *const *mut PyObject,
    count: Py_ssize_t,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: as in `wait`.
    let result = unsafe { WAIT3.get()(module, arguments, count, names) };
    // SAFETY: NULL or a new reference.
    note(unsafe { status(result) });
    result
}

unsafe extern "C" fn wait4(
    module: *mut PyObject,
    arguments: *const *mut PyObject,
    count: Py_ssize_t,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: as in `wait`.
    let result = unsafe { WAIT4.get()(module, arguments, count, names) };
    // SAFETY: NULL or a new reference.
    note(unsafe { status(result) });
    result
}

unsafe extern "C" fn waitid(module: *mut PyObject, arguments: *mut *mut PyObject, count: Py_ssize_t) -> *mut PyObject {
    // SAFETY: as in `wait`.
    let result = unsafe { WAITID.get()(module, arguments, count) };
    // SAFETY: there are three arguments then, which live until the function is left.
    let options = (count == 3).then(|| unsafe { integer(*arguments.add(2)) }).flatten();
    if options.is_none_or(|options| options & libc::WNOWAIT == 0) {
        // SAFETY: NULL or a new reference.
        note(unsafe { status_of_siginfo(result) });
    } // else the child is left as it is, for another wait
    result
}

/// Records how a child ended, by its pid and status, if it has ended.
fn note(child: Option<(c_int, c_int)>) {
    let Some((pid, status)) = child else { return };
    let has_ended = libc::WIFEXITED(status) || libc::WIFSIGNALED(status);
    if pid <= 0 || !has_ended {
        return;
    }
    // A process that was forked may have done nothing yet that is recorded. This needs the main interpreter, to which a
    // call in another one does not attach the thread.
    if is_in_main_interpreter() {
        // SAFETY: functions are called by attached threads.
        current::ensure_own_file(unsafe { Python::assume_attached() });
    }
    recording::child_ended(pid as u32, status as u32);
    if libc::WIFSIGNALED(status) {
        snapshots::child_was_killed(pid, libc::WTERMSIG(status));
    }
}

/// Reads pid and status from the first two members of a tuple.
///
/// # Safety
/// NULL, or a living object.
unsafe fn status(result: *mut PyObject) -> Option<(c_int, c_int)> {
    // SAFETY: the caller's promise.
    unsafe { Some((member(result, 0)?, member(result, 1)?)) }
}

/// Reads pid and status from `waitid_result(si_pid, si_uid, si_signo, si_status, si_code)`.
///
/// # Safety
/// NULL, or a living object.
unsafe fn status_of_siginfo(result: *mut PyObject) -> Option<(c_int, c_int)> {
    // SAFETY: the caller's promise.
    let (pid, status, code) = unsafe { (member(result, 0)?, member(result, 3)?, member(result, 4)?) };
    match code {
        libc::CLD_EXITED => Some((pid, (status & 0xff) << 8)),
        libc::CLD_KILLED => Some((pid, status & 0x7f)),
        libc::CLD_DUMPED => Some((pid, status & 0x7f | 0x80)),
        _ => None, // stopped, or continued
    }
}

/// Returns a member of a tuple, if this is one that long, and the member an integer that fits.
///
/// # Safety
/// NULL, or a living object.
unsafe fn member(result: *mut PyObject, index: Py_ssize_t) -> Option<c_int> {
    // SAFETY: the caller's promise; a tuple's size is asked for once it is known to be one.
    if result.is_null() || unsafe { ffi::PyTuple_Check(result) == 0 || ffi::PyTuple_Size(result) <= index } {
        return None;
    }
    // SAFETY: a tuple that is longer than that; its members live as long as it does.
    unsafe { integer(ffi::PyTuple_GetItem(result, index)) }
}
