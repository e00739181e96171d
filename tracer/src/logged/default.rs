//! What `repr` makes of objects, classes and exceptions whose types have no `repr` of their own.

use super::{json, options};
use crate::fallible::Name;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple, PyType};
use std::fmt::Write as _;

static MODULE: Name = Name::new("__module__");

/// Appends the `repr` of a value if that is `object`'s or that of a class, and if the value's type, or the class, is
/// defined in C once and for all. Calls nothing. Returns false for any other value.
pub fn append_static(value: &Bound<'_, PyAny>, text: &mut String) -> bool {
    append(value, append_static_name, text)
}

/// The same for any type. That looks for the module among the members of the class, which may run the program's code if
/// their names are no plain strings.
pub fn append_any(value: &Bound<'_, PyAny>, text: &mut String) -> bool {
    append(value, append_name, text)
}

fn append(
    value: &Bound<'_, PyAny>,
    append_name: impl Fn(&Bound<'_, PyType>, &mut String) -> bool,
    text: &mut String,
) -> bool {
    let kind = value.get_type();
    let begin = text.len();
    let is_named = if has_repr_of(&kind, &raw const ffi::PyBaseObject_Type) {
        text.push('<');
        append_name(&kind, text) && write!(text, " object at {:p}>", value.as_ptr()).is_ok()
    } else if has_repr_of(&kind, &raw const ffi::PyType_Type)
        && let Ok(class) = value.cast::<PyType>()
    {
        text.push_str("<class '");
        append_name(class, text) && write!(text, "'>").is_ok()
    } else {
        return false;
    };
    if !is_named {
        text.truncate(begin);
    }
    is_named
}

/// Appends the `repr` of an exception if that is `BaseException`'s. `append` appends an argument of the exception, and
/// returns false if it does not; nothing is appended then, nor for any other value, and this returns false. Without a
/// GIL, it does so for every value, since another thread may free the arguments meanwhile.
pub fn append_exception(
    value: &Bound<'_, PyAny>,
    append: impl Fn(&Bound<'_, PyAny>, &mut String) -> bool,
    text: &mut String,
) -> bool {
    let kind = value.get_type();
    // SAFETY: a class that lives for ever.
    if cfg!(Py_GIL_DISABLED) || !has_repr_of(&kind, unsafe { ffi::PyExc_BaseException }.cast()) {
        return false;
    }
    // SAFETY: it has the `repr` of exceptions, so it is one. Its arguments are NULL or a living object.
    let arguments = unsafe { (*value.as_ptr().cast::<ffi::PyBaseExceptionObject>()).args };
    // SAFETY: as above.
    let arguments = unsafe { Bound::from_borrowed_ptr_or_opt(value.py(), arguments) };
    let Some(arguments) = arguments.and_then(|arguments| arguments.cast_into_exact::<PyTuple>().ok()) else {
        return false;
    };
    let (begin, max) = (text.len(), options::bytes_per_value());
    text.push_str(json::name_of_type(&kind).rsplit('.').next().unwrap_or_default());
    text.push('(');
    for (index, argument) in arguments.iter().enumerate() {
        text.push_str(if index == 0 { "" } else { ", " });
        if !append(&argument, text) {
            text.truncate(begin);
            return false;
        }
        if text.len() - begin > max {
            break; // the rest is not shown
        }
    }
    text.push(')');
    true
}

/// Whether `repr` of values of a type is that of values of another one.
fn has_repr_of(kind: &Bound<'_, PyType>, other: *const ffi::PyTypeObject) -> bool {
    // SAFETY: two living types. A slot changes with the GIL held, or while the world is stopped.
    let [repr, others] = [kind.as_type_ptr().cast_const(), other].map(|kind| unsafe { (*kind).tp_repr });
    repr.map(|repr| repr as usize) == others.map(|repr| repr as usize)
}

/// Whether a type is defined in C once and for all.
fn is_static(kind: &Bound<'_, PyType>) -> bool {
    // SAFETY: a living type.
    unsafe { ffi::PyType_GetFlags(kind.as_type_ptr()) & ffi::Py_TPFLAGS_HEAPTYPE == 0 }
}

/// Appends the name of a type that is defined in C once and for all. Returns false for any other one.
fn append_static_name(kind: &Bound<'_, PyType>, text: &mut String) -> bool {
    let is_static = is_static(kind);
    if is_static {
        text.push_str(&json::name_of_type(kind)); // has its module
    }
    is_static
}

/// Appends the name of a type with its module, unless that is `builtins`.
fn append_name(kind: &Bound<'_, PyType>, text: &mut String) -> bool {
    if append_static_name(kind, text) {
        return true;
    }
    let python = kind.py();
    // SAFETY: a class that was made at run time, which has a dictionary and a string there.
    let (members, name) = unsafe {
        let class = kind.as_type_ptr();
        ((*class).tp_dict, Bound::from_borrowed_ptr(python, (*class.cast::<ffi::PyHeapTypeObject>()).ht_qualname))
    };
    let Ok(key) = MODULE.get(python) else { return false };
    // SAFETY: the dictionary of a living class; NULL or a borrowed object, which nothing has had time to free.
    let module =
        unsafe { Bound::from_borrowed_ptr_or_opt(python, ffi::PyDict_GetItemWithError(members, key.as_ptr())) };
    if module.is_none() {
        drop(PyErr::take(python)); // none, if the class has no module
    }
    let module = module.and_then(|module| module.cast_into::<PyString>().ok());
    let module = module.as_ref().map(json::text).filter(|module| module != "builtins");
    let (Some(module), Ok(name)) = (module, name.cast::<PyString>()) else {
        text.push_str(&json::name_of_type(kind));
        return true;
    };
    text.push_str(&module);
    text.push('.');
    text.push_str(&json::text(name));
    true
}
