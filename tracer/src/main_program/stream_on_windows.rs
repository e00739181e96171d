//! A file of source text, or stdin, which is read and run.
//!
//! The C library of this module is not that of the interpreter, which so cannot take a stream of it: it gets the text. On
//! a terminal, it reads line by line from its own stdin.

use super::source::{compiler_flags, evaluate};
use pyo3::exceptions::PySyntaxError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::ffi::{CString, c_int, c_uint};
use std::fs;
use std::io::{self, IsTerminal, Read};
use std::path::PathBuf;

#[link(name = "ucrtbase", kind = "raw-dylib")]
unsafe extern "C" {
    /// The standard streams of the interpreter's C library, by their numbers.
    fn __acrt_iob_func(number: c_uint) -> *mut libc::FILE;
}

/// Source text, which has been read.
pub struct Stream {
    /// `None`: it is on the terminal.
    text: Option<Vec<u8>>,
    name: CString,
}

impl Stream {
    /// Reads a file.
    pub fn open(path: PathBuf) -> PyResult<Stream> {
        let text = fs::read(&path)?;
        // The interpreter decodes names of files as this encodes them.
        Ok(Stream { text: Some(text), name: CString::new(path.into_os_string().into_encoded_bytes())? })
    }

    /// Reads stdin, unless that is a terminal.
    pub fn stdin() -> io::Result<Stream> {
        let name = c"<stdin>".to_owned();
        if io::stdin().is_terminal() {
            return Ok(Stream { text: None, name });
        }
        let mut text = Vec::new();
        io::stdin().read_to_end(&mut text)?;
        Ok(Stream { text: Some(text), name })
    }

    /// Compiles and runs the text; on a terminal, line by line.
    pub fn evaluate(self, namespace: &Bound<'_, PyDict>) -> PyResult<()> {
        let Stream { text, name } = self;
        match text {
            Some(text) => evaluate(&compile(namespace.py(), text, &name)?, namespace),
            None => {
                run_terminal(&name);
                Ok(())
            }
        }
    }
}

fn compile<'py>(python: Python<'py>, text: Vec<u8>, name: &CString) -> PyResult<Bound<'py, PyAny>> {
    let text = CString::new(text).map_err(|_| PySyntaxError::new_err("source code cannot contain null bytes"))?;
    let mut flags = compiler_flags(0);
    let (source, name, input) = (text.as_ptr(), name.as_ptr(), ffi::Py_file_input);
    // SAFETY: C strings and flags; `python` proves that the GIL is held.
    let code = unsafe { ffi::Py_CompileStringExFlags(source, name, input, &mut flags, -1) };
    // SAFETY: a new reference, or NULL with an exception set.
    unsafe { Bound::from_owned_ptr_or_err(python, code) }
}

/// Runs what comes from the terminal, line by line. It prints what goes wrong. The GIL must be held.
fn run_terminal(name: &CString) {
    const KEEP_OPEN: c_int = 0;
    let mut flags = compiler_flags(0);
    // SAFETY: stdin has number 0, and its stream is there as long as the process.
    let stdin = unsafe { __acrt_iob_func(0) };
    // SAFETY: an open stream of the interpreter's C library, a C string and flags, all of which outlive the call.
    unsafe { ffi::PyRun_AnyFileExFlags(stdin, name.as_ptr(), KEEP_OPEN, &mut flags) };
}
