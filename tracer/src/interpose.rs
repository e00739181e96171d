//! Functions of ours in the place of the interpreter's C functions, which they call.
//!
//! The definition of a C function, to which every reference to the function leads, gets another address to call. The
//! functions are the same objects, with the same names and the same errors.

use crate::exclusive::exclusively;
use pyo3::ffi::{self, Py_ssize_t, PyMethodDefPointer, PyObject};
use pyo3::prelude::*;
use pyo3::types::PyCFunction;
use std::ffi::c_int;
use std::sync::OnceLock;

/// A function with the flags METH_FASTCALL | METH_KEYWORDS.
pub type WithKeywords =
    unsafe extern "C" fn(*mut PyObject, *const *mut PyObject, Py_ssize_t, *mut PyObject) -> *mut PyObject;
/// A function with METH_FASTCALL alone.
pub type Positional = unsafe extern "C" fn(*mut PyObject, *mut *mut PyObject, Py_ssize_t) -> *mut PyObject;
/// A function with METH_O, or with METH_NOARGS and NULL as second argument.
pub type OneArgument = unsafe extern "C" fn(*mut PyObject, *mut PyObject) -> *mut PyObject;

/// A C function of the interpreter that one of ours has replaced.
pub struct Original<F>(OnceLock<F>);

/// A way in which the interpreter calls C functions.
pub trait Convention: Copy {
    /// The flags of definitions of such functions: any of these.
    const FLAGS: &[c_int];

    /// Stores such a function in a definition.
    fn into_pointer(self) -> PyMethodDefPointer;

    /// Returns the function of a definition.
    ///
    /// # Safety
    /// The definition must have one of these flags.
    unsafe fn of(pointer: PyMethodDefPointer) -> Self;
}

impl<F: Convention> Original<F> {
    /// Replaces nothing yet.
    pub const fn new() -> Original<F> {
        Original(OnceLock::new())
    }

    /// Puts our function into the definition of the interpreter's, if the interpreter calls that in the way that we
    /// know and this was not done before.
    pub fn replace_by(&self, python: Python<'_>, module: &str, name: &str, ours: F) -> PyResult<()> {
        let function = python.import(module)?.getattr(name)?;
        let Ok(function) = function.cast::<PyCFunction>() else { return Ok(()) }; // the program's own
        let definition = crate::function::definition(function).as_ptr();
        // SAFETY: a static of the interpreter, which only this function changes, and not at the same time: the caller
        // starts a recording, which one thread does at a time.
        let (flags, pointer) = unsafe { ((*definition).ml_flags & !ffi::METH_STATIC, (*definition).ml_meth) };
        if !F::FLAGS.contains(&flags) {
            return Ok(()); // some other Python's: it does without
        }
        // SAFETY: just checked.
        let theirs = unsafe { F::of(pointer) };
        if self.0.set(theirs).is_ok() {
            // SAFETY: the same static, and a function that is called in the same way. No other thread reads it now.
            exclusively(python, || unsafe { (*definition).ml_meth = ours.into_pointer() });
        }
        Ok(())
    }

    /// Whether the interpreter's function has been replaced.
    pub fn is_replaced(&self) -> bool {
        self.0.get().is_some()
    }

    /// Returns the interpreter's function.
    ///
    /// # Safety
    /// [`Original::replace_by`] must have replaced it, as it has wherever our function is called.
    pub unsafe fn get(&self) -> F {
        // SAFETY: the caller's promise: the function is stored before ours is in its place.
        *unsafe { self.0.get().unwrap_unchecked() }
    }
}

impl Convention for WithKeywords {
    const FLAGS: &[c_int] = &[ffi::METH_FASTCALL | ffi::METH_KEYWORDS];

    fn into_pointer(self) -> PyMethodDefPointer {
        PyMethodDefPointer { PyCFunctionFastWithKeywords: self }
    }

    unsafe fn of(pointer: PyMethodDefPointer) -> WithKeywords {
        // SAFETY: the member that these flags stand for.
        unsafe { pointer.PyCFunctionFastWithKeywords }
    }
}

impl Convention for Positional {
    const FLAGS: &[c_int] = &[ffi::METH_FASTCALL];

    fn into_pointer(self) -> PyMethodDefPointer {
        PyMethodDefPointer { PyCFunctionFast: self }
    }

    unsafe fn of(pointer: PyMethodDefPointer) -> Positional {
        // SAFETY: the member that these flags stand for.
        unsafe { pointer.PyCFunctionFast }
    }
}

impl Convention for OneArgument {
    const FLAGS: &[c_int] = &[ffi::METH_O, ffi::METH_NOARGS];

    fn into_pointer(self) -> PyMethodDefPointer {
        PyMethodDefPointer { PyCFunction: self }
    }

    unsafe fn of(pointer: PyMethodDefPointer) -> OneArgument {
        // SAFETY: the member that these flags stand for.
        unsafe { pointer.PyCFunction }
    }
}

/// Whether the calling thread runs the main interpreter, the only one that is traced and that our objects belong to. In
/// another interpreter the GIL that is held may be another one.
pub fn is_in_main_interpreter() -> bool {
    // SAFETY: takes nothing; the calling thread has an interpreter, which has called a function of ours.
    let current = unsafe { ffi::PyInterpreterState_Get() };
    // SAFETY: takes nothing.
    current == unsafe { ffi::PyInterpreterState_Main() }
}

/// Returns the value of an `int` that fits a C one; `None` for every other object. Runs no Python and raises nothing.
///
/// # Safety
/// It must be a living object, and the GIL must be held.
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
