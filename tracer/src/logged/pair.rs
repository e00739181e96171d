//! The entries of a dictionary, read where they are stored: the iterator of a derived type may be the program's.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::critical_section::with_critical_section;
use pyo3::types::PyDict;

/// A key and its value.
pub type Pair<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>);

/// Returns the entry behind this position, which is 0 at first, and advances the position. Runs no Python. The
/// dictionary may have changed since the last entry: then some entries may be left out.
pub fn next<'py>(dictionary: &Bound<'py, PyDict>, position: &mut ffi::Py_ssize_t) -> Option<Pair<'py>> {
    let (mut key, mut value) = (std::ptr::null_mut(), std::ptr::null_mut());
    with_critical_section(dictionary, || {
        // SAFETY: a dictionary that no other thread changes meanwhile; a position that is no longer one is the end.
        let is_there = unsafe { ffi::PyDict_Next(dictionary.as_ptr(), position, &raw mut key, &raw mut value) } != 0;
        // SAFETY: the dictionary has both, and nothing has run since.
        let object = |object| unsafe { Bound::from_borrowed_ptr(dictionary.py(), object) };
        is_there.then(|| (object(key), object(value)))
    })
}
