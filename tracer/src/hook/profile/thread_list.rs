//! CPython 3.10 and 3.11: the thread states of the interpreter.
//!
//! The interpreter offers a walk over them, which other threads may disturb: a thread of a C library that enters Python
//! makes itself a state before it asks for the GIL (`PyGILState_Ensure`). The interpreter's own walks hold a lock,
//! `_PyRuntime.interpreters.mutex`, and so does this one. The lock is no part of any interface, but its offset is fixed
//! in the releases of 3.10 and 3.11, of which there will be no others. The offset is checked, since two known addresses
//! come behind the lock: `struct pyinterpreters { PyThread_type_lock mutex; PyInterpreterState *head, *main; ... }`
//! (Include/internal/pycore_runtime.h). If they do not, no walk takes place, and a thread that is there at the start is
//! recorded only if `threading` hooks it.

use super::thread_state::ThreadState;
use crate::imported::from_interpreter;
use crate::system::symbol;
use pyo3::ffi;
use pyo3::prelude::*;
use std::ffi::{c_int, c_void};

/// The offset of `interpreters` in `_PyRuntime`, in words.
const INTERPRETERS: usize = if cfg!(Py_3_11) { 4 } else { 3 };

from_interpreter! {
    /// Include/pythread.h. The lock is no mutex of the C library and has no owner.
    fn PyThread_acquire_lock(lock: *mut c_void, wait: c_int) -> c_int;
    fn PyThread_release_lock(lock: *mut c_void);
    /// Include/cpython/pystate.h.
    fn PyInterpreterState_Main() -> *mut ffi::PyInterpreterState;
    fn PyInterpreterState_Head() -> *mut ffi::PyInterpreterState;
}

/// Calls `visit` with each thread state of this interpreter whose number is higher than `number`, and returns the
/// highest number. The interpreter numbers threads in the order of their birth. No state is freed during the walk.
/// `visit` must run no Python, take no lock and ask for no memory.
pub fn visit_newer(python: Python<'_>, number: i64, mut visit: impl FnMut(ThreadState<'_>)) -> i64 {
    let Some(lock) = ThreadListLock::take() else { return number };
    let mut newest = number;
    // SAFETY: the GIL is held, so there is a running interpreter; it and its list of threads stand still under the
    // lock.
    let mut thread = unsafe { ffi::PyInterpreterState_ThreadHead(ffi::PyInterpreterState_Get()) };
    while !thread.is_null() {
        // SAFETY: a thread state in the list, under the lock.
        let own = unsafe { ffi::PyThreadState_GetID(thread) };
        if own <= number {
            break; // the newest ones come first
        }
        newest = newest.max(own);
        // SAFETY: a state is taken off the list, under the lock, before it is freed; `visit` is over before that.
        visit(unsafe { ThreadState::new(python, thread) });
        // SAFETY: a thread state in the list, under the lock.
        thread = unsafe { ffi::PyThreadState_Next(thread) };
    }
    drop(lock);
    newest
}

/// Holds the interpreter's list of threads still. A thread that has it asks for no other lock and for no memory.
struct ThreadListLock(*mut c_void);

impl ThreadListLock {
    fn take() -> Option<ThreadListLock> {
        let runtime = symbol(c"_PyRuntime").cast::<*mut c_void>();
        if runtime.is_null() {
            return None;
        }
        // SAFETY: three words at the beginning of a structure that has thousands of words.
        let [mutex, head, main] = [0, 1, 2].map(|word| unsafe { *runtime.add(INTERPRETERS + word) });
        // SAFETY: plain reads of the same structure, with the GIL held.
        let known = unsafe { [PyInterpreterState_Head(), PyInterpreterState_Main()] };
        if mutex.is_null() || [head, main] != known.map(|interpreter| interpreter.cast()) {
            return None;
        }
        // SAFETY: the lock before these two words. A thread that holds it does not wait for the GIL.
        (unsafe { PyThread_acquire_lock(mutex, 1) } == 1).then_some(ThreadListLock(mutex))
    }
}

impl Drop for ThreadListLock {
    fn drop(&mut self) {
        // SAFETY: taken by `take`.
        unsafe { PyThread_release_lock(self.0) };
    }
}
