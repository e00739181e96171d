//! The exit status of a process that has saved no report.

use pyo3::prelude::*;

/// Lets the process, which is about to end, end with status 1 if it would be 0: there is no report.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[pyfunction]
pub fn note_unsaved() {
    use std::ffi::{c_int, c_void};
    use std::ptr;

    unsafe extern "C" {
        /// on_exit(3) of the C library: calls a function when the process ends, with the exit status.
        fn on_exit(function: extern "C" fn(c_int, *mut c_void), argument: *mut c_void) -> c_int;
    }
    extern "C" fn fail(status: c_int, _argument: *mut c_void) {
        if status == 0 {
            // SAFETY: writes what streams of C still hold, as the process would have done next.
            unsafe { libc::fflush(ptr::null_mut()) };
            // SAFETY: ends the process.
            unsafe { libc::_exit(1) };
        }
    }
    // SAFETY: the function stays where it is as long as the process runs, since extensions are not unloaded.
    unsafe { on_exit(fail, ptr::null_mut()) };
}

/// Does nothing where the C library does not report the exit status: it stays.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
#[pyfunction]
pub fn note_unsaved() {}
