//! Conversions to Python objects that fail with `MemoryError`.
//!
//! Those of pyo3 panic when the interpreter has no memory for the object. In a hook, a panic aborts the traced program,
//! which may have an answer to a `MemoryError`.

use pyo3::exceptions::PyMemoryError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyInt, PyList, PyString};

/// A text that becomes a `str`: the name of an attribute, of a method, of a module, or a key.
#[derive(Clone, Copy)]
pub struct Text<'a>(pub &'a str);

impl<'py> IntoPyObject<'py> for Text<'_> {
    type Target = PyString;
    type Output = Bound<'py, PyString>;
    type Error = PyErr;

    fn into_pyobject(self, python: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        let Text(text) = self;
        // SAFETY: the GIL is held, as `python` proves; so many bytes of UTF-8, fewer than `isize::MAX`.
        let made = unsafe { ffi::PyUnicode_FromStringAndSize(text.as_ptr().cast(), text.len().cast_signed()) };
        // SAFETY: NULL with an exception, or a new reference.
        Ok(unsafe { Bound::from_owned_ptr_or_err(python, made) }?.cast_into()?)
    }
}

/// A number that becomes an `int`.
#[derive(Clone, Copy)]
pub struct Number(pub u64);

impl<'py> IntoPyObject<'py> for Number {
    type Target = PyInt;
    type Output = Bound<'py, PyInt>;
    type Error = PyErr;

    fn into_pyobject(self, python: Python<'py>) -> PyResult<Bound<'py, PyInt>> {
        // SAFETY: the GIL is held, as `python` proves.
        let made = unsafe { ffi::PyLong_FromUnsignedLongLong(self.0) };
        // SAFETY: NULL with an exception, or a new reference.
        Ok(unsafe { Bound::from_owned_ptr_or_err(python, made) }?.cast_into()?)
    }
}

/// A name that is made a `str` at its first use, and kept.
pub struct Name {
    text: &'static str,
    made: PyOnceLock<Py<PyString>>,
}

impl Name {
    pub const fn new(text: &'static str) -> Name {
        Name { text, made: PyOnceLock::new() }
    }

    pub fn get<'py>(&self, python: Python<'py>) -> PyResult<&Bound<'py, PyString>> {
        let made = self.made.get_or_try_init(python, || Text(self.text).into_pyobject(python).map(Bound::unbind))?;
        Ok(made.bind(python))
    }
}

/// Returns an empty dictionary.
pub fn dictionary(python: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    // SAFETY: the GIL is held, as `python` proves.
    let made = unsafe { ffi::PyDict_New() };
    // SAFETY: NULL with an exception, or a new reference.
    Ok(unsafe { Bound::from_owned_ptr_or_err(python, made) }?.cast_into()?)
}

/// Returns an empty list.
pub fn list(python: Python<'_>) -> PyResult<Bound<'_, PyList>> {
    // SAFETY: the GIL is held, as `python` proves.
    let made = unsafe { ffi::PyList_New(0) };
    // SAFETY: NULL with an exception, or a new reference.
    Ok(unsafe { Bound::from_owned_ptr_or_err(python, made) }?.cast_into()?)
}

/// Returns a `str` as UTF-8. Lone surrogates, as in names of files that are not UTF-8, become U+FFFD.
pub fn lossy(value: &Bound<'_, PyAny>) -> PyResult<String> {
    let value = value.cast::<PyString>()?;
    if let Ok(text) = value.to_str() {
        return Ok(text.to_owned());
    }
    let (encoding, errors) = (c"utf-8".as_ptr(), c"surrogatepass".as_ptr());
    // SAFETY: the GIL is held; a living `str`, and two strings that end with NUL.
    let bytes = unsafe { ffi::PyUnicode_AsEncodedString(value.as_ptr(), encoding, errors) };
    // SAFETY: NULL with an exception, or a new reference.
    let bytes = unsafe { Bound::from_owned_ptr_or_err(value.py(), bytes) }?.cast_into::<PyBytes>()?;
    Ok(String::from_utf8_lossy(bytes.as_bytes()).into_owned())
}

/// Drops a `MemoryError` of ours, which the program must not get.
pub fn without_memory_error(python: Python<'_>, result: PyResult<()>) -> PyResult<()> {
    result.or_else(|error| if error.is_instance_of::<PyMemoryError>(python) { Ok(()) } else { Err(error) })
}
