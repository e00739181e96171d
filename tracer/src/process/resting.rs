//! Rests: the process records no calls for a time, since they have cost more than `--max_overhead` allows. What the
//! program logs is recorded all the same.
//!
//! A resting process has no events at its calls, so the [`watcher`](super::watcher) ends the rest.

use super::instants;
use crate::exclusive::exclusively;
use crate::logged::event;
use crate::recording;
use crate::thread::current;
use crate::{hook, stderr};
use pyo3::prelude::*;

/// Begins a rest. Calls that are open are recorded as calls whose end is unknown. The watcher must be there. May run
/// Python.
pub fn begin(python: Python<'_>) {
    event::instant_now(python, "max_overhead: paused");
    let has_begun = exclusively(python, || {
        let has_begun = recording::begin_rest();
        if has_begun {
            current::forget();
            recording::abandon_open_calls();
        }
        has_begun
    });
    if has_begun {
        let _ = hook::pause(python); // if that fails, the hook is called and records nothing
    }
}

/// Ends the rest, on a thread that is none of the program's.
pub fn end(python: Python<'_>) {
    if go_on(python) {
        instants::note_now("max_overhead: resumed");
        complain_of(hook::resume(python));
    }
}

/// Ends the rest on the only thread of a child that a resting process has forked. The child has an account of its own.
pub fn end_in_child(python: Python<'_>) {
    if go_on(python) {
        complain_of(hook::wake(python));
    }
}

fn go_on(python: Python<'_>) -> bool {
    exclusively(python, || {
        current::forget();
        recording::end_rest()
    })
}

fn complain_of(hooked: PyResult<()>) {
    if let Err(error) = hooked {
        stderr::complain(&format!("process {} cannot record calls again: {error}", std::process::id()));
    }
}
