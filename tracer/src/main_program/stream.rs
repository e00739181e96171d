//! A file of source text, or stdin, which the interpreter reads and runs.

use super::source::compiler_flags;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::ffi::{CString, c_int};
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::ptr::NonNull;

/// An open stream of source text.
pub struct Stream {
    file: NonNull<libc::FILE>,
    name: CString,
    /// Whether the interpreter closes it when it has read the text.
    close: bool,
}

impl Stream {
    /// Opens a file.
    pub fn open(path: PathBuf) -> PyResult<Stream> {
        let path = CString::new(path.into_os_string().into_vec())?;
        // SAFETY: two C strings.
        let file = unsafe { libc::fopen(path.as_ptr(), c"rbe".as_ptr()) };
        Ok(Stream { file: NonNull::new(file).ok_or_else(io::Error::last_os_error)?, name: path, close: true })
    }

    /// Makes a stream of stdin.
    pub fn stdin() -> io::Result<Stream> {
        // SAFETY: a descriptor's number and a C string.
        let file = unsafe { libc::fdopen(0, c"rb".as_ptr()) };
        let name = c"<stdin>".to_owned();
        Ok(Stream { file: NonNull::new(file).ok_or_else(io::Error::last_os_error)?, name, close: false })
    }

    /// Compiles and runs what the stream holds; on a terminal, line by line.
    pub fn evaluate(self, namespace: &Bound<'_, PyDict>) -> PyResult<()> {
        let mut flags = compiler_flags(0);
        let (file, name, close) = (self.file.as_ptr(), self.name.as_ptr(), c_int::from(self.close));
        // SAFETY: an open stream.
        if unsafe { libc::isatty(libc::fileno(file)) } == 1 {
            // SAFETY: an open stream, a C string and flags, all of which outlive the call; `namespace` proves that the
            // GIL is held. It prints what goes wrong.
            unsafe { ffi::PyRun_AnyFileExFlags(file, name, close, &mut flags) };
            return Ok(());
        }
        let (input, globals) = (ffi::Py_file_input, namespace.as_ptr());
        // SAFETY: as above, with a dictionary.
        let result = unsafe { ffi::PyRun_FileExFlags(file, name, input, globals, globals, close, &mut flags) };
        // SAFETY: a new reference, or NULL with an exception set.
        unsafe { Bound::from_owned_ptr_or_err(namespace.py(), result) }.map(drop)
    }
}
