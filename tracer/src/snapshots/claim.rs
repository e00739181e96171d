//! A file that is there if all processes of a run together have taken as many snapshots as they may.

use pyo3::prelude::*;
use std::ffi::{CString, OsString};
use std::os::unix::ffi::OsStringExt;

/// The path of such a file.
#[derive(PartialEq, Eq)]
pub struct Claim(CString);

impl Claim {
    /// A file with this path.
    ///
    /// Raises `ValueError`: it has a NUL.
    pub fn new(path: OsString) -> PyResult<Claim> {
        Ok(Claim(CString::new(path.into_vec())?))
    }

    /// Whether it is there. A signal handler may ask this.
    pub fn is_there(&self) -> bool {
        // SAFETY: a C string.
        unsafe { libc::access(self.0.as_ptr(), libc::F_OK) == 0 }
    }
}
