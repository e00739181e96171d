//! How the children of the process ended: a function of ours in the place of `_winapi.GetExitCodeProcess`
//! ([`crate::interpose`]) looks at what it returns, and records it in the ring file.
//!
//! `subprocess` and `multiprocessing` call it when a child has ended. A child that somebody has killed by
//! `TerminateProcess` cannot record that itself. What `os.waitpid` returns, as for `os.spawnl`, is not looked at.

use crate::interpose::{OneArgument, Original, integer};
use crate::recording;
use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use std::ffi::c_int;
use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::System::Threading::GetProcessId;

/// The largest exit code that a ring file can hold. Those of faults are larger, and are not recorded. So is 259, which
/// the system also gives for a child that lives.
const CODE_MAX: c_int = 255;
/// The exit code of a process that `multiprocessing` has ended, which calls that an end by SIGTERM, and the number of
/// that.
const TERMINATED: (c_int, u32) = (0x10000, 15);

/// The interpreter's own function.
static GET_EXIT_CODE: Original<OneArgument> = Original::new();

/// Puts our function in the place of the interpreter's. It writes into the ring file, whenever there is one.
pub fn watch(python: Python<'_>) -> PyResult<()> {
    if GET_EXIT_CODE.is_replaced() {
        return Ok(());
    }
    GET_EXIT_CODE.replace_by(python, "_winapi", "GetExitCodeProcess", get_exit_code)
}

unsafe extern "C" fn get_exit_code(module: *mut PyObject, handle: *mut PyObject) -> *mut PyObject {
    // SAFETY: the interpreter's own function with the arguments that it got.
    let result = unsafe { GET_EXIT_CODE.get()(module, handle) };
    // SAFETY: NULL or a new reference, of which `integer` wants to know that it is not NULL.
    let code = if result.is_null() { None } else { unsafe { integer(result) } };
    if let Some(status) = code.and_then(status) {
        // SAFETY: the function has understood the argument, so that it is an `int`.
        let handle = unsafe { ffi::PyLong_AsVoidPtr(handle) };
        note(handle, status);
    }
    result
}

/// What waitpid(2) of other systems would say of a child with this exit code; `None`: nothing, or it lives.
fn status(code: c_int) -> Option<u32> {
    match code {
        code if code == TERMINATED.0 => Some(TERMINATED.1),
        0..=CODE_MAX => Some((code as u32) << 8),
        _ => None,
    }
}

/// Records that the child with this handle ended so.
fn note(handle: HANDLE, status: u32) {
    // SAFETY: takes a number; the call fails if that is no longer a handle.
    let pid = unsafe { GetProcessId(handle) };
    if pid != 0 {
        recording::child_ended(pid, status);
    }
}
