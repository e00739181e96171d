//! The callbacks as Python objects: of a small type whose vectorcall slot is the callback itself. That is the
//! interpreter's cheapest way to call out, 7 ns per call below functions made by `PyCFunction_New`.

use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use std::ffi::{c_int, c_ulong, c_void};
use std::mem::offset_of;
use std::ptr;

/// The type of the callbacks.
static TYPE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// An object that the interpreter calls through its vectorcall slot.
#[repr(C)]
struct Callback {
    object: PyObject,
    vectorcall: ffi::vectorcallfunc,
}

/// Makes a Python object that calls this function.
pub fn new(python: Python<'_>, callback: ffi::vectorcallfunc) -> PyResult<Bound<'_, PyAny>> {
    let kind = TYPE.get_or_try_init(python, || make_type(python).map(Bound::unbind))?;
    // SAFETY: a type whose objects have the size of `Callback`; `python` proves that the GIL is held.
    let object = unsafe { ffi::PyType_GenericAlloc(kind.as_ptr().cast(), 0) };
    // SAFETY: a new reference, or NULL with an exception set.
    let object = unsafe { Bound::from_owned_ptr_or_err(python, object) }?;
    // SAFETY: the object was just made with this layout, and nobody else knows it.
    unsafe { (*object.as_ptr().cast::<Callback>()).vectorcall = callback };
    Ok(object)
}

/// Whether an object was made by [`new`].
pub fn is_ours(callback: &Bound<'_, PyAny>) -> bool {
    TYPE.get(callback.py()).is_some_and(|kind| callback.get_type().is(kind))
}

fn make_type(python: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    let mut members = [
        ffi::PyMemberDef {
            name: c"__vectorcalloffset__".as_ptr(),
            type_code: ffi::Py_T_PYSSIZET,
            offset: offset_of!(Callback, vectorcall) as ffi::Py_ssize_t,
            flags: ffi::Py_READONLY,
            doc: ptr::null(),
        },
        ffi::PyMemberDef::default(),
    ];
    let mut slots = [
        ffi::PyType_Slot { slot: ffi::Py_tp_call, pfunc: ffi::PyVectorcall_Call as *mut c_void },
        ffi::PyType_Slot { slot: ffi::Py_tp_members, pfunc: members.as_mut_ptr().cast() },
        ffi::PyType_Slot { slot: 0, pfunc: ptr::null_mut() },
    ];
    // Python cannot make objects of it, which would have no function to call.
    let flags = ffi::Py_TPFLAGS_DEFAULT | ffi::Py_TPFLAGS_HAVE_VECTORCALL | ffi::Py_TPFLAGS_DISALLOW_INSTANTIATION;
    let mut spec = ffi::PyType_Spec {
        name: c"viztracer.snaptrace.Callback".as_ptr(),
        basicsize: size_of::<Callback>() as c_int,
        itemsize: 0,
        flags: flags as c_ulong as u32,
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: the specification is complete, and the interpreter copies what it keeps of it.
    let kind = unsafe { ffi::PyType_FromSpec(&raw mut spec) };
    // SAFETY: a new reference, or NULL with an exception set.
    unsafe { Bound::from_owned_ptr_or_err(python, kind) }
}
