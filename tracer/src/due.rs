//! What is done at the end of a hook now and then: a look at the session's switches. The module that knows how is above
//! the hooks, so it registers here.

use crate::preserve::preserving_exception;
use pyo3::prelude::*;
use std::sync::OnceLock;

static ACTION: OnceLock<fn(Python<'_>)> = OnceLock::new();

/// Has this done from now on.
pub fn register(action: fn(Python<'_>)) {
    let _ = ACTION.set(action);
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
