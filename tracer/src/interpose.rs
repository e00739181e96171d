//! Functions of ours in the place of the interpreter's C functions, which they call.
//!
//! The definition of a C function, to which every reference to the function leads, gets another address to call. The
//! functions are the same objects, with the same names and the same errors.

use pyo3::ffi::{self, Py_ssize_t, PyObject};
use pyo3::prelude::*;
use pyo3::types::PyCFunction;
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A function of the interpreter's with the flags METH_FASTCALL | METH_KEYWORDS.
pub type WithKeywords =
    unsafe extern "C" fn(*mut PyObject, *const *mut PyObject, Py_ssize_t, *mut PyObject) -> *mut PyObject;
/// One with METH_FASTCALL alone.
pub type Plain = unsafe extern "C" fn(*mut PyObject, *mut *mut PyObject, Py_ssize_t) -> *mut PyObject;
/// One with METH_O.
pub type WithOne = unsafe extern "C" fn(*mut PyObject, *mut PyObject) -> *mut PyObject;

/// A function of ours, by the way in which it is called.
pub enum Ours {
    /// METH_FASTCALL.
    Plain(Plain),
    /// METH_FASTCALL | METH_KEYWORDS.
    WithKeywords(WithKeywords),
    /// METH_O.
    WithOne(WithOne),
}

/// Puts our function into the definition of the interpreter's, if it is called in the way that we know; `theirs` has
/// the address of the interpreter's own before ours is called.
pub fn replace(python: Python<'_>, module: &str, name: &str, theirs: &AtomicUsize, ours: Ours) -> PyResult<()> {
    let function = python.import(module)?.getattr(name)?;
    let Ok(function) = function.cast::<PyCFunction>() else { return Ok(()) }; // the program's own
    let builtin = crate::function::definition(function);
    // SAFETY: a static of the interpreter's, which nobody else uses while we hold the GIL.
    let definition = unsafe { &mut *builtin.as_ptr() };
    let flags = definition.ml_flags & !ffi::METH_STATIC;
    // SAFETY: by the flags, the member that is set; its address alone is read.
    let address = unsafe { mem::transmute::<ffi::PyMethodDefPointer, usize>(definition.ml_meth) };
    let pointer = match ours {
        Ours::Plain(ours) if flags == ffi::METH_FASTCALL => ffi::PyMethodDefPointer { PyCFunctionFast: ours },
        Ours::WithKeywords(ours) if flags == ffi::METH_FASTCALL | ffi::METH_KEYWORDS => {
            ffi::PyMethodDefPointer { PyCFunctionFastWithKeywords: ours }
        }
        Ours::WithOne(ours) if flags == ffi::METH_O => ffi::PyMethodDefPointer { PyCFunction: ours },
        _ => return Ok(()), // some other Python's: it does without
    };
    theirs.store(address, Ordering::Relaxed);
    definition.ml_meth = pointer;
    Ok(())
}
