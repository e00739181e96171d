//! What happens to a recording when the process forks, however it does: `os.fork`, `multiprocessing`, C code.
//!
//! The handlers of pthread_atfork(3) run inside `fork` itself, so that not one event of the child can reach the
//! parent's file. The child's own file is created at the child's first event, since most children call `exec` at once.

use crate::{current, session};
use std::cell::UnsafeCell;
use std::ffi::c_int;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use viztracer_recorder::Inherited;

/// Whether this process was forked and has not settled yet.
static FORKED: AtomicBool = AtomicBool::new(false);
static HELD: Between<session::Held> = Between::new();
static INHERITED: Between<Inherited> = Between::new();

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

/// Gives a forked process a file of its own, if that is still to be done.
pub fn settle() {
    if !FORKED.swap(false, Ordering::Relaxed) {
        return;
    }
    if let Err(error) = session::adopt(INHERITED.take().unwrap_or_default()) {
        crate::complain(&format!("not tracing process {}: {error}", std::process::id()));
    }
}

extern "C" fn prepare() {
    HELD.put(session::hold());
}

extern "C" fn parent() {
    drop(HELD.take());
}

extern "C" fn child() {
    if let Some(held) = HELD.take() {
        // Forked again before it has settled: what it inherited the first time holds.
        if !FORKED.swap(true, Ordering::Relaxed) {
            INHERITED.put(held.release());
        }
        current::forget();
    }
}

/// Something that is handed from one moment of a fork to a later one on the same thread.
struct Between<T>(UnsafeCell<Option<T>>);

// SAFETY: used only by the thread that forks, between `prepare`, which locks the session, and the child's first event,
// when that thread is the only one there is.
unsafe impl<T> Sync for Between<T> {}

impl<T> Between<T> {
    const fn new() -> Between<T> {
        Between(UnsafeCell::new(None))
    }

    fn put(&self, value: T) {
        // SAFETY: as said above, nobody else is here.
        unsafe { *self.0.get() = Some(value) };
    }

    fn take(&self) -> Option<T> {
        // SAFETY: as said above, nobody else is here.
        unsafe { &mut *self.0.get() }.take()
    }
}
