//! The functions behind the callables of CALL, C_RETURN and C_RAISE events.

use super::builtin::{Builtin, Owner};
use super::code::Code;
use crate::fallible::Name;
use crate::imported::from_interpreter;
use pyo3::ffi;
use pyo3::prelude::*;
use std::ptr::NonNull;

/// The beginning of `method_descriptor` (Include/cpython/descrobject.h).
#[repr(C)]
struct MethodDescriptor {
    object: ffi::PyObject,
    owner: *mut ffi::PyTypeObject,
    name: *mut ffi::PyObject,
    qualified_name: *mut ffi::PyObject,
    definition: NonNull<ffi::PyMethodDef>,
}

from_interpreter! {
    /// The type of bound methods (Include/cpython/classobject.h), and the function in one.
    static mut PyMethod_Type: ffi::PyTypeObject;
    fn PyMethod_Function(method: *mut ffi::PyObject) -> *mut ffi::PyObject;
    /// Include/cpython/funcobject.h: a borrowed reference.
    fn PyFunction_GetCode(function: *mut ffi::PyObject) -> *mut ffi::PyObject;
    /// Include/cpython/object.h: an attribute of a type, a borrowed reference; NULL, without an exception, if none.
    fn _PyType_Lookup(kind: *mut ffi::PyTypeObject, name: *mut ffi::PyObject) -> *mut ffi::PyObject;
}

/// Without a GIL, an attribute that a class has may die at any time.
const HAS_GIL: bool = cfg!(not(Py_GIL_DISABLED));

impl Code {
    /// Returns the code of the Python function or method that a callable is, or of `__init__` of the class that it is;
    /// `None` for all else. May run Python: a class may have attributes whose names are no strings.
    ///
    /// # Safety
    /// It must be a living object.
    #[inline(always)]
    pub unsafe fn of_call(python: Python<'_>, callable: *mut ffi::PyObject) -> Option<Code> {
        static INIT: Name = Name::new("__init__");
        let mut function = callable;
        // SAFETY: a living object.
        if unsafe { ffi::Py_TYPE(callable) } == &raw mut PyMethod_Type {
            // SAFETY: just checked; the method keeps the function.
            function = unsafe { PyMethod_Function(callable) };
        // SAFETY: a living object.
        } else if HAS_GIL && unsafe { ffi::PyType_Check(callable) } != 0 {
            // SAFETY: just checked, and a string. The class keeps the function, until it gets another one with the GIL.
            function = unsafe { _PyType_Lookup(callable.cast(), INIT.get(python).ok()?.as_ptr()) };
        }
        // SAFETY: NULL or a living object.
        let is_function = !function.is_null() && unsafe { ffi::Py_TYPE(function) } == &raw mut ffi::PyFunction_Type;
        // SAFETY: just checked. The function keeps the code, until it is given another one with the GIL. Without a GIL,
        // the garbage collector alone frees code, and it stops this thread first.
        is_function.then(|| unsafe { Code::new(PyFunction_GetCode(function)) })
    }
}

impl Builtin {
    /// Returns the C function behind a callable and its first argument; `None` for Python functions, types, and objects
    /// that can be called. VizTracer records the same functions.
    ///
    /// # Safety
    /// Both must be living objects, and the GIL must be held as long as the answer is used.
    #[inline(always)]
    pub unsafe fn of_call(callable: *mut ffi::PyObject, first: *mut ffi::PyObject) -> Option<Builtin> {
        // SAFETY: a living object.
        let kind = unsafe { ffi::Py_TYPE(callable) };
        if kind == &raw mut ffi::PyFunction_Type {
            None
        } else if kind == &raw mut ffi::PyCFunction_Type {
            // SAFETY: just checked.
            Some(unsafe { Builtin::of_c_function(callable) })
        } else if kind == &raw mut ffi::PyMethodDescr_Type {
            // SAFETY: just checked; the first argument of a method is its receiver.
            Some(unsafe { Builtin::of_descriptor(callable, first) })
        } else {
            // SAFETY: living objects.
            unsafe { Builtin::of_rare(callable, kind) }
        }
    }

    #[inline(always)]
    unsafe fn of_descriptor(descriptor: *mut ffi::PyObject, receiver: *mut ffi::PyObject) -> Builtin {
        // SAFETY: the caller has checked the type, all objects of which begin so.
        let definition = unsafe { &*descriptor.cast::<MethodDescriptor>() }.definition;
        // SAFETY: a living object.
        Builtin { definition, owner: Owner::of_type(unsafe { ffi::Py_TYPE(receiver) }) }
    }

    #[cold]
    unsafe fn of_rare(callable: *mut ffi::PyObject, kind: *mut ffi::PyTypeObject) -> Option<Builtin> {
        let mut function = callable;
        if kind == &raw mut PyMethod_Type {
            // SAFETY: just checked; the method keeps the function.
            function = unsafe { PyMethod_Function(callable) };
        }
        // SAFETY: a living object. The subtype for functions that know their class counts, too.
        let is_c = unsafe { ffi::PyCFunction_Check(function) } != 0;
        // SAFETY: just checked.
        is_c.then(|| unsafe { Builtin::of_c_function(function) })
    }
}
