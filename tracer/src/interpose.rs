//! Functions of ours in the place of the interpreter's C functions, which they call.
//!
//! The definition of a C function, to which every reference to the function leads, gets another address to call. The
//! functions are the same objects, with the same names and the same errors.

use pyo3::ffi::{self, Py_ssize_t, PyObject};
use pyo3::prelude::*;
use pyo3::types::PyCFunction;
use std::ffi::c_int;
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
    /// METH_NOARGS; the second argument is NULL.
    WithNone(WithOne),
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
        Ours::WithNone(ours) if flags == ffi::METH_NOARGS => ffi::PyMethodDefPointer { PyCFunction: ours },
        _ => return Ok(()), // some other Python's: it does without
    };
    theirs.store(address, Ordering::Relaxed);
    definition.ml_meth = pointer;
    Ok(())
}

/// The interpreter's own function, to be called in this way.
///
/// # Safety
/// [`replace`] must have stored its address there when it put one of [`Ours::Plain`] in its place.
pub unsafe fn plain(theirs: &AtomicUsize) -> Plain {
    // SAFETY: the caller's promise.
    unsafe { mem::transmute::<usize, Plain>(theirs.load(Ordering::Relaxed)) }
}

/// # Safety
/// As for [`plain`], with [`Ours::WithKeywords`].
pub unsafe fn with_keywords(theirs: &AtomicUsize) -> WithKeywords {
    // SAFETY: the caller's promise.
    unsafe { mem::transmute::<usize, WithKeywords>(theirs.load(Ordering::Relaxed)) }
}

/// # Safety
/// As for [`plain`], with [`Ours::WithOne`] or [`Ours::WithNone`].
pub unsafe fn with_one(theirs: &AtomicUsize) -> WithOne {
    // SAFETY: the caller's promise.
    unsafe { mem::transmute::<usize, WithOne>(theirs.load(Ordering::Relaxed)) }
}

/// The value of an `int` that fits a C one; `None` for every other object. Runs no Python and raises nothing.
///
/// # Safety
/// It must be a living object.
pub unsafe fn integer(object: *mut PyObject) -> Option<c_int> {
    // SAFETY: the caller's promise.
    if unsafe { ffi::PyLong_Check(object) } == 0 {
        return None;
    }
    let mut overflow = 0;
    // SAFETY: an integer, of which reading runs no Python.
    let value = unsafe { ffi::PyLong_AsLongAndOverflow(object, &mut overflow) };
    c_int::try_from(value).ok().filter(|_| overflow == 0)
}
