//! Takes the frames of the command off the thread, which no function of the interpreter does: by its own structures.
//!
//! The beginning of `PyThreadState` (Include/cpython/pystate.h) differs from version to version.

use pyo3::ffi;
use pyo3::prelude::*;
use std::ffi::{c_int, c_void};
#[cfg(not(Py_3_15))]
use std::ptr;

/// Takes the frames of the command off this thread and has their depth not count.
pub fn become_outermost(python: Python<'_>) {
    let depth = Depth::of_new_thread(python);
    // SAFETY: `python` proves that the GIL is held, so this thread has a state. It begins as `Head` says in the version
    // that this was built for and that runs. Nothing else uses it while the reference lives.
    if let Some(state) = unsafe { ffi::PyThreadState_Get().cast::<Head>().as_mut() } {
        state.begin_anew(&depth);
    }
}

/// How deep a new thread may nest calls.
struct Depth {
    /// Calls of Python functions, which a program can ask for.
    #[cfg(Py_3_11)]
    limit: c_int,
    /// Calls of C code: a constant of the interpreter that differs between builds.
    #[cfg(all(Py_3_12, not(Py_3_14)))]
    c_remaining: Option<c_int>,
}

impl Depth {
    fn of_new_thread(_: Python<'_>) -> Depth {
        Depth {
            #[cfg(Py_3_11)]
            // SAFETY: the GIL is held, as the argument proves.
            limit: unsafe { ffi::Py_GetRecursionLimit() },
            #[cfg(all(Py_3_12, not(Py_3_14)))]
            c_remaining: c_recursion_of_new_thread(),
        }
    }
}

#[cfg(not(Py_3_11))]
#[repr(C)]
struct Head {
    links: [*mut c_void; 3],
    frame: *mut c_void,
    recursion_depth: c_int,
}

#[cfg(not(Py_3_11))]
impl Head {
    /// No frames, and no recursion.
    fn begin_anew(&mut self, _: &Depth) {
        self.frame = ptr::null_mut();
        self.recursion_depth = 0;
    }
}

#[cfg(all(Py_3_11, not(Py_3_12)))]
#[repr(C)]
struct Head {
    links: [*mut c_void; 3],
    is_initialized: c_int,
    is_static: c_int,
    recursion_remaining: c_int,
    recursion_limit: c_int,
    recursion_headroom: c_int,
    tracing: [c_int; 2],
    cframe: *mut CFrame,
}

#[cfg(all(Py_3_12, not(Py_3_13)))]
#[repr(C)]
struct Head {
    links: [*mut c_void; 3],
    status: c_int,
    recursion_remaining: c_int,
    recursion_limit: c_int,
    c_recursion_remaining: c_int,
    recursion_headroom: c_int,
    tracing: [c_int; 2],
    cframe: *mut CFrame,
}

#[cfg(all(Py_3_13, not(Py_3_14)))]
#[repr(C)]
struct Head {
    links: [*mut c_void; 3],
    eval_breaker: usize,
    status: c_int,
    whence: c_int,
    state: c_int,
    recursion_remaining: c_int,
    recursion_limit: c_int,
    c_recursion_remaining: c_int,
    recursion_headroom: c_int,
    tracing: [c_int; 2],
    frame: *mut c_void,
}

#[cfg(Py_3_14)]
#[repr(C)]
struct Head {
    links: [*mut c_void; 3],
    eval_breaker: usize,
    status: c_int,
    holds_gil: c_int,
    #[cfg(Py_3_15)]
    gil_requested: c_int,
    whence: c_int,
    state: c_int,
    recursion_remaining: c_int,
    recursion_limit: c_int,
    recursion_headroom: c_int,
    tracing: [c_int; 2],
    frame: *mut c_void,
    /// Where the frames of a thread end: a thread without frames has this one.
    #[cfg(Py_3_15)]
    base_frame: *mut c_void,
}

/// What a run of the interpreter's loop keeps on the C stack.
#[cfg(all(Py_3_11, not(Py_3_13)))]
#[repr(C)]
struct CFrame {
    #[cfg(not(Py_3_12))]
    use_tracing: u8,
    frame: *mut c_void,
}

#[cfg(Py_3_11)]
impl Head {
    /// No frames, and no recursion. Does nothing if the structure is not what it should be: it holds the limit.
    fn begin_anew(&mut self, depth: &Depth) {
        if self.recursion_limit != depth.limit {
            return;
        }
        self.recursion_remaining = depth.limit;
        #[cfg(all(Py_3_12, not(Py_3_14)))]
        {
            self.c_recursion_remaining = depth.c_remaining.unwrap_or(self.c_recursion_remaining);
        }
        *self.frame() = self.no_frame();
    }

    #[cfg(Py_3_15)]
    fn no_frame(&self) -> *mut c_void {
        self.base_frame
    }

    #[cfg(not(Py_3_15))]
    fn no_frame(&self) -> *mut c_void {
        ptr::null_mut()
    }

    #[cfg(Py_3_13)]
    fn frame(&mut self) -> &mut *mut c_void {
        &mut self.frame
    }

    #[cfg(not(Py_3_13))]
    fn frame(&mut self) -> &mut *mut c_void {
        // SAFETY: a thread that runs Python code has one, on its C stack below this function's frame. The interpreter
        // that is suspended there does not use it before this function returns.
        unsafe { &mut (*self.cframe).frame }
    }
}

/// Reads from the state of a thread that never runs how deep a thread may nest calls of C code. The GIL must be held.
#[cfg(all(Py_3_12, not(Py_3_14)))]
fn c_recursion_of_new_thread() -> Option<c_int> {
    // SAFETY: the GIL is held, so there is an interpreter.
    let fresh = unsafe { ffi::PyThreadState_New(ffi::PyInterpreterState_Get()) };
    // SAFETY: NULL for want of memory; else it was just made, and nobody else knows it.
    let remaining = unsafe { fresh.cast::<Head>().as_ref() }?.c_recursion_remaining;
    // SAFETY: no thread has taken it, and the GIL is held.
    unsafe { ffi::PyThreadState_Clear(fresh) };
    // SAFETY: cleared, and not the current one.
    unsafe { ffi::PyThreadState_Delete(fresh) };
    Some(remaining)
}
