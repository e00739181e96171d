//! Daemon threads at the end of the interpreter.
//!
//! CPython before 3.14 ends a daemon thread that asks for the GIL then by `pthread_exit`, which unwinds the thread's
//! stack: values of this library would be dropped without the GIL, and their thread state is gone. From 3.14 on the
//! interpreter lets such a thread hang, and so does this module.

use std::time::Duration;

/// Runs Python in `work`. If that unwinds the stack because the thread ends, the thread sleeps until the process ends.
#[inline]
pub fn sleep_if_thread_ends<T>(work: impl FnOnce() -> T) -> T {
    let guard = SleepForEver;
    let result = work();
    std::mem::forget(guard);
    result
}

struct SleepForEver;

impl Drop for SleepForEver {
    fn drop(&mut self) {
        // A panic of ours unwinds, too, and holds the GIL.
        while !std::thread::panicking() {
            std::thread::sleep(Duration::MAX);
        }
    }
}
