//! Whether the program switches greenlets: several stacks in one thread, which has one in its ring file.
//!
//! Nobody tells of a switch. Two signs of it are seen where a function is seen for the first time, and cost nothing
//! afterwards: it has no caller, though other calls of its thread are open, so it is the first one of another stack; or it
//! is the method that switches. The ring file tells of it.

use crate::recording;
use crate::thread::current;
use pyo3::ffi;
use std::ffi::{CStr, c_char};
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the next function without a caller is the main program.
static MAIN_IS_NEXT: AtomicBool = AtomicBool::new(false);

/// The main program is about to run, which C code calls.
pub fn expect_main() {
    MAIN_IS_NEXT.store(true, Ordering::Relaxed);
}

/// The Python function that runs now is seen for the first time; its frames are known by this tag. Runs no Python
/// itself. The GIL must be held.
pub fn notice_function(tag: u64) {
    // SAFETY: the GIL is held; a borrowed reference or NULL.
    let frame = unsafe { ffi::PyEval_GetFrame() };
    if frame.is_null() {
        return;
    }
    // SAFETY: a living frame.
    let caller = unsafe { ffi::PyFrame_GetBack(frame) };
    if !caller.is_null() {
        // SAFETY: the reference that was just made; the frame is open and has another one, so nothing dies.
        unsafe { ffi::Py_DECREF(caller.cast()) };
        return;
    }
    if MAIN_IS_NEXT.swap(false, Ordering::Relaxed) {
        return;
    }
    let Some(recorder) = current::seen() else { return };
    // SAFETY: null or the recorder of this thread, which no caller holds now, and nothing has run Python since it was
    // found.
    let recorder = unsafe { recorder.as_mut() };
    // A forked process gives names anew to what is open: that is no first call.
    if recorder.is_some_and(|recorder| recorder.has_open_calls() && !recorder.is_open(tag)) {
        recording::note_switch();
    }
}

/// A C method of this name and type of receiver is called for the first time.
///
/// # Safety
/// `kind` must be a living type.
pub unsafe fn notice_method(name: &str, mut kind: *mut ffi::PyTypeObject) {
    if !matches!(name, "switch" | "throw") {
        return;
    }
    while !kind.is_null() {
        // SAFETY: a living type, which keeps its base alive.
        let (type_name, base) = unsafe { ((*kind).tp_name, (*kind).tp_base) };
        // SAFETY: the name of a type.
        if unsafe { is_greenlet(type_name) } {
            recording::note_switch();
            return;
        }
        kind = base;
    }
}

/// # Safety
/// It must be NULL or end with a NUL.
unsafe fn is_greenlet(type_name: *const c_char) -> bool {
    // SAFETY: the caller says so.
    !type_name.is_null() && unsafe { CStr::from_ptr(type_name) } == c"greenlet.greenlet"
}
