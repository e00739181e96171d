//! What happens to a recording when the process forks, however it does: `os.fork`, `multiprocessing`, C code.
//!
//! The handlers of pthread_atfork(3) run inside `fork` itself, so that not one event of the child can reach the
//! parent's file. The child's own file is created at the child's first event ([`current::ensure_own_file`]), since most children
//! call `exec` at once.

use crate::recording;
use crate::thread::current;
use std::cell::UnsafeCell;
use std::ffi::c_int;
use std::sync::Once;

static HELD: Between = Between(UnsafeCell::new(None));

unsafe extern "C" {
    fn pthread_atfork(
        prepare: Option<extern "C" fn()>,
        parent: Option<extern "C" fn()>,
        child: Option<extern "C" fn()>,
    ) -> c_int;
}

/// From now on forks are noticed.
pub fn watch() {
    static WATCHING: Once = Once::new();
    WATCHING.call_once(|| {
        // SAFETY: the handlers are functions of this library, which Python never unloads.
        unsafe { pthread_atfork(Some(prepare), Some(parent), Some(child)) };
    });
}

extern "C" fn prepare() {
    HELD.put(recording::before_fork(current::existing));
}

extern "C" fn parent() {
    drop(HELD.take());
}

extern "C" fn child() {
    if let Some(held) = HELD.take() {
        held.release_in_child();
        current::forget();
    }
}

/// What is handed from the beginning of a fork to its end, on the same thread.
struct Between(UnsafeCell<Option<recording::ForkGuard>>);

// SAFETY: used only by a thread that has the lock of `recording`: `prepare` puts in what holds it, and the other two
// take that out before it lets go.
unsafe impl Sync for Between {}

impl Between {
    fn put(&self, held: recording::ForkGuard) {
        // SAFETY: as said above, nobody else is here.
        unsafe { *self.0.get() = Some(held) };
    }

    fn take(&self) -> Option<recording::ForkGuard> {
        // SAFETY: as said above, nobody else is here.
        unsafe { &mut *self.0.get() }.take()
    }
}
