//! A file that is there if all processes of a run together have taken as many snapshots as they may.

use pyo3::prelude::*;
use std::ffi::OsString;
use std::path::PathBuf;

/// The path of such a file.
#[derive(PartialEq, Eq)]
pub struct Claim(PathBuf);

impl Claim {
    /// A file with this path.
    pub fn new(path: OsString) -> PyResult<Claim> {
        Ok(Claim(path.into()))
    }

    /// Whether it is there.
    pub fn is_there(&self) -> bool {
        self.0.exists()
    }
}
