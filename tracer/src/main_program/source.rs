//! The program's code: compiled from text, or loaded from byte code; and run in the main module. A file of source text
//! is a [stream](super::stream).

use crate::thread::current;
use pyo3::exceptions::{PyEOFError, PyRuntimeError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::ffi::{CStr, c_int};

/// `PyCF_IGNORE_COOKIE`: a text is UTF-8, whatever it says of itself (Include/cpython/compile.h).
const IGNORE_COOKIE: c_int = 0x0800;
/// How much of a file of byte code comes before the code: the version's number, flags, and the source's identity.
const BYTE_CODE_HEADER: usize = 16;

/// Runs a code object.
pub fn evaluate(code: &Bound<'_, PyAny>, namespace: &Bound<'_, PyDict>) -> PyResult<()> {
    // SAFETY: a code object, as `compile` and `load` give it, and a dictionary; `code` proves that the GIL is held.
    let result = unsafe { ffi::PyEval_EvalCode(code.as_ptr(), namespace.as_ptr(), namespace.as_ptr()) };
    // SAFETY: a new reference, or NULL with an exception set.
    unsafe { Bound::from_owned_ptr_or_err(code.py(), result) }.map(drop)
}

/// Compiles the text of `-c`. From 3.13 on, tracebacks show its lines.
pub fn compile<'py>(python: Python<'py>, text: &CStr) -> PyResult<Bound<'py, PyAny>> {
    let mut flags = compiler_flags(IGNORE_COOKIE);
    let (source, name) = (text.as_ptr(), c"<string>".as_ptr());
    // SAFETY: C strings and flags; `python` proves that the GIL is held.
    let code = unsafe { ffi::Py_CompileStringExFlags(source, name, ffi::Py_file_input, &mut flags, -1) };
    // SAFETY: a new reference, or NULL with an exception set.
    let code = unsafe { Bound::from_owned_ptr_or_err(python, code) }?;
    if cfg!(Py_3_13) {
        current::pause(); // this is not the program
        let registered = register_lines(&code, text);
        current::resume();
        registered?;
    }
    Ok(code)
}

/// Lets `linecache` know the lines of the text, as the interpreter's main function does.
fn register_lines(code: &Bound<'_, PyAny>, text: &CStr) -> PyResult<()> {
    let python = code.py();
    let label = "<string>";
    let key = if cfg!(Py_3_14) { code.clone() } else { label.into_pyobject(python)?.into_any() };
    let register = python.import("linecache")?.getattr("_register_code")?;
    register.call1((key, text.to_string_lossy(), label)).map(drop)
}

/// Returns the code that a file of byte code holds; errors are the interpreter's own.
pub fn load<'py>(python: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let magic: Vec<u8> = python.import("_frozen_importlib_external")?.getattr("MAGIC_NUMBER")?.extract()?;
    if cfg!(Py_3_13) && bytes.len() < magic.len() {
        return Err(PyEOFError::new_err("EOF read where not expected"));
    }
    if !bytes.starts_with(&magic) {
        return Err(PyRuntimeError::new_err("Bad magic number in .pyc file"));
    }
    let code = bytes.get(BYTE_CODE_HEADER..).unwrap_or_default();
    let code = python.import("marshal")?.getattr("loads")?.call1((code,))?;
    match code.get_type().name()?.to_str()? {
        "code" => Ok(code),
        _ => Err(PyRuntimeError::new_err("Bad code object in .pyc file")),
    }
}

/// Returns flags for the compiler of the interpreter that runs; `flags` are those of Include/cpython/compile.h.
pub fn compiler_flags(flags: c_int) -> ffi::PyCompilerFlags {
    // SAFETY: a static of the interpreter: "3.12.1 (main, ...".
    let version = unsafe { CStr::from_ptr(ffi::Py_GetVersion()) };
    let minor = version.to_str().ok().and_then(|text| text.split('.').nth(1)?.parse().ok()).unwrap_or_default();
    ffi::PyCompilerFlags { cf_flags: flags, cf_feature_version: minor }
}
