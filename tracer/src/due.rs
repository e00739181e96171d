//! What is done at the end of a hook now and then: a look at the session's switches. The module that knows how is above
//! the hooks, so it registers here.

use crate::preserve::preserving_exception;
use pyo3::prelude::*;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

static ACTION: OnceLock<fn(Python<'_>)> = OnceLock::new();
/// See [`wait`].
static IS_WAITING: AtomicBool = AtomicBool::new(false);

/// Has this done from now on.
pub fn register(action: fn(Python<'_>)) {
    let _ = ACTION.set(action);
}

/// Sets whether a look is due at each event although nothing is recorded: a paused process has forked this one, which
/// has no thread yet that looks.
pub fn wait(is_waiting: bool) {
    IS_WAITING.store(is_waiting, Ordering::Relaxed);
}

/// Whether [`wait`] was called with true last.
pub fn is_waiting() -> bool {
    IS_WAITING.load(Ordering::Relaxed)
}

/// Does it. Runs Python and may give up the GIL, so the hook must be at its end. An exception that is under way stays.
#[cold]
#[inline(never)]
pub fn act() {
    if let Some(action) = ACTION.get() {
        preserving_exception(|python| {
            action(python);
            Some(())
        });
    }
}
