//! The C methods of the `greenlet` package that switch between stacks.

use pyo3::ffi;
use std::ffi::{CStr, c_char};

/// Whether a C method of this name and type of receiver switches greenlets.
///
/// # Safety
/// `kind` must be a living type, and the GIL must be held.
pub unsafe fn is_switch(name: &str, mut kind: *mut ffi::PyTypeObject) -> bool {
    if !matches!(name, "switch" | "throw") {
        return false;
    }
    while !kind.is_null() {
        // SAFETY: a living type, which keeps its base alive. Nothing else runs while the GIL is held.
        let (type_name, base) = unsafe { ((*kind).tp_name, (*kind).tp_base) };
        // SAFETY: the name of a living type.
        if unsafe { is_greenlet(type_name) } {
            return true;
        }
        kind = base;
    }
    false
}

/// # Safety
/// It must be NULL or end with a NUL.
unsafe fn is_greenlet(type_name: *const c_char) -> bool {
    // SAFETY: the caller says so.
    !type_name.is_null() && unsafe { CStr::from_ptr(type_name) } == c"greenlet.greenlet"
}
