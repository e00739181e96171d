//! What keeps the threads of the interpreter apart: the GIL, or what stands for it on a build without one.
//!
//! A thread is *attached* while it may use the interpreter. With a GIL, one thread is attached at a time. Without one,
//! all may be, and the interpreter stops a thread only where the thread lets it: between two instructions of Python,
//! and where the thread waits or detaches itself. A hook that calls no Python passes no such point. So:
//!
//! - What one hook does with data of its own thread alone needs nothing of this module.
//! - What [`exclusively`] does falls between two hooks of every other thread, never into one.
//! - What several hooks use at a time is atomic, or in a [`HookCell`].

use pyo3::prelude::*;

#[cfg(Py_GIL_DISABLED)]
pub use without_gil::{HookCell, exclusively};

#[cfg(not(Py_GIL_DISABLED))]
pub use with_gil::{HookCell, exclusively};

#[cfg(not(Py_GIL_DISABLED))]
mod with_gil {
    use super::Python;
    use std::cell::UnsafeCell;

    /// Does some work while no other thread is attached. The work calls nothing of the interpreter.
    pub fn exclusively<T>(_: Python<'_>, work: impl FnOnce() -> T) -> T {
        work()
    }

    /// Data that the hooks of all threads use, each for a short look.
    pub struct HookCell<T>(UnsafeCell<T>);

    // SAFETY: `with` is called with the GIL held, so by one thread at a time.
    unsafe impl<T: Send> Sync for HookCell<T> {}

    impl<T> HookCell<T> {
        pub const fn new(data: T) -> HookCell<T> {
            HookCell(UnsafeCell::new(data))
        }

        /// Works with the data.
        ///
        /// # Safety
        /// `work` runs no Python, does not give up the GIL and does not come here.
        #[inline(always)]
        pub unsafe fn with<R>(&self, _: Python<'_>, work: impl FnOnce(&mut T) -> R) -> R {
            // SAFETY: the GIL is held, and the caller promises that nobody else gets here before `work` has ended.
            work(unsafe { &mut *self.0.get() })
        }
    }
}

#[cfg(Py_GIL_DISABLED)]
mod without_gil {
    use super::Python;
    use crate::imported::from_interpreter;
    use crate::sync::{Mutex, lock};
    use pyo3::ffi::PyObject;
    use std::ffi::{c_int, c_void};

    from_interpreter! {
        /// Include/objimpl.h, from 3.12 on: calls a function with each object that the garbage collector knows, until
        /// that returns 0. Without a GIL, the interpreter stops all other threads meanwhile.
        fn PyUnstable_GC_VisitObjects(
            visit: unsafe extern "C" fn(*mut PyObject, *mut c_void) -> c_int,
            argument: *mut c_void,
        );
    }

    /// What is to be done, and then what came of it.
    struct Work<F, T> {
        work: Option<F>,
        result: Option<T>,
    }

    /// Does some work while every other attached thread is stopped. The work calls nothing of the interpreter. The
    /// calling thread may have to wait for another one that does the same, and so may be stopped before the work.
    ///
    /// The interpreter has no public function that only stops the others. But a look at all objects must stop them, so
    /// the work is done at the first object of such a look.
    pub fn exclusively<T, F: FnOnce() -> T>(_: Python<'_>, work: F) -> T {
        let mut task = Work { work: Some(work), result: None };
        // SAFETY: the thread is attached, as the first argument proves; `visit` is given what it expects, which
        // outlives the call.
        unsafe { PyUnstable_GC_VisitObjects(visit::<F, T>, (&raw mut task).cast()) };
        task.result.expect("the interpreter has at least one object, the module `sys`")
    }

    unsafe extern "C" fn visit<F: FnOnce() -> T, T>(_: *mut PyObject, task: *mut c_void) -> c_int {
        // SAFETY: `exclusively` passes the address of such a value, which nobody else has.
        let task = unsafe { &mut *task.cast::<Work<F, T>>() };
        if let Some(work) = task.work.take() {
            task.result = Some(work());
        }
        0
    }

    /// Data that the hooks of all threads use, each for a short look.
    pub struct HookCell<T>(Mutex<T>);

    impl<T> HookCell<T> {
        pub const fn new(data: T) -> HookCell<T> {
            HookCell(Mutex::new(data))
        }

        /// Works with the data.
        ///
        /// # Safety
        /// `work` runs no Python, passes no point at which the interpreter may stop the thread, and does not come here:
        /// another thread may wait for the lock, and cannot be stopped there.
        #[inline(always)]
        pub unsafe fn with<R>(&self, _: Python<'_>, work: impl FnOnce(&mut T) -> R) -> R {
            work(&mut *lock(&self.0))
        }
    }
}
