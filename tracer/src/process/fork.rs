//! What happens to a recording when the process forks, however it does: `os.fork`, `multiprocessing`, C code.
//!
//! The handlers of pthread_atfork(3) run inside `fork` itself, so that not one event of the child can reach the
//! parent's file. The child's own file is created at the child's first event ([`current::ensure_own_file`]), since most
//! children call `exec` at once.

use crate::thread::current;
use crate::{due, recording};
use std::cell::UnsafeCell;
use std::ffi::c_int;
use std::sync::Once;

static GUARD: ForkSlot = ForkSlot(UnsafeCell::new(None));

unsafe extern "C" {
    fn pthread_atfork(
        prepare: Option<extern "C" fn()>,
        parent: Option<extern "C" fn()>,
        child: Option<extern "C" fn()>,
    ) -> c_int;
}

/// Has our handlers called in every fork.
pub fn watch() {
    static WATCHING: Once = Once::new();
    WATCHING.call_once(|| {
        // SAFETY: the handlers are functions of this library, which is never unloaded.
        unsafe { pthread_atfork(Some(prepare), Some(parent), Some(child)) };
    });
}

extern "C" fn prepare() {
    GUARD.put(recording::before_fork(current::existing));
}

extern "C" fn parent() {
    drop(GUARD.take());
}

extern "C" fn child() {
    if let Some(guard) = GUARD.take() {
        guard.release_in_child();
        current::forget();
        due::wait(recording::is_paused());
    }
}

/// Keeps the guard from the beginning of a fork to its end, on the same thread.
struct ForkSlot(UnsafeCell<Option<recording::ForkGuard>>);

// SAFETY: used only by a thread that has the lock of `recording`: `prepare` puts in the guard that holds it, and the
// other two take that out before it gives the lock up.
unsafe impl Sync for ForkSlot {}

impl ForkSlot {
    fn put(&self, guard: recording::ForkGuard) {
        // SAFETY: see `Sync`: the guard has the lock, so no other thread is here.
        unsafe { *self.0.get() = Some(guard) };
    }

    fn take(&self) -> Option<recording::ForkGuard> {
        // SAFETY: see `Sync`: the thread that forks still has the lock.
        unsafe { &mut *self.0.get() }.take()
    }
}
