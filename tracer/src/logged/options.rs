//! What the hooks log of calls, and how long the text of a value may be: set before a recording starts.

use crate::sync::{Mutex, lock};
use pyo3::prelude::*;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

static ARGUMENTS: AtomicBool = AtomicBool::new(false);
static RETURN_VALUES: AtomicBool = AtomicBool::new(false);
/// The longest text of one value, in bytes.
static BYTES_PER_VALUE: AtomicUsize = AtomicUsize::new(4096);
/// Whether the program has a function of its own that shows values.
static HAS_REPR: AtomicBool = AtomicBool::new(false);
/// That function.
static REPR: Mutex<Option<Py<PyAny>>> = Mutex::new(None);

/// Sets what the hooks of the next recording log.
pub fn set(arguments: bool, return_values: bool, repr: Option<Py<PyAny>>) {
    ARGUMENTS.store(arguments, Ordering::Relaxed);
    RETURN_VALUES.store(return_values, Ordering::Relaxed);
    HAS_REPR.store(repr.is_some(), Ordering::Relaxed);
    let before = std::mem::replace(&mut *lock(&REPR), repr);
    drop(before); // may run Python, so the lock is free by now
}

/// Whether the arguments of Python functions are logged.
pub fn arguments() -> bool {
    ARGUMENTS.load(Ordering::Relaxed)
}

/// Whether the return values of Python functions are logged.
pub fn return_values() -> bool {
    RETURN_VALUES.load(Ordering::Relaxed)
}

/// Whether the program has a function of its own that shows values.
pub fn has_repr() -> bool {
    HAS_REPR.load(Ordering::Relaxed)
}

/// Returns the program's function that shows values, if it has one.
pub fn repr(python: Python<'_>) -> Option<Py<PyAny>> {
    if !has_repr() {
        return None;
    }
    lock(&REPR).as_ref().map(|repr| repr.clone_ref(python))
}

/// Sets how many bytes the text of one value may have in the next recording.
pub fn set_bytes_per_value(bytes: usize) {
    BYTES_PER_VALUE.store(bytes, Ordering::Relaxed);
}

/// The longest text of one value, in bytes; the rest is cut.
pub fn bytes_per_value() -> usize {
    BYTES_PER_VALUE.load(Ordering::Relaxed)
}
