//! What the hooks log of calls: set before a recording starts.

use pyo3::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

static ARGUMENTS: AtomicBool = AtomicBool::new(false);
static RETURN_VALUES: AtomicBool = AtomicBool::new(false);
/// Whether the program has a function of its own that shows values.
static HAS_REPR: AtomicBool = AtomicBool::new(false);
/// That function.
static REPR: Mutex<Option<Py<PyAny>>> = Mutex::new(None);

/// Sets what the hooks of the next recording log.
pub fn set(arguments: bool, return_values: bool, repr: Option<Py<PyAny>>) {
    ARGUMENTS.store(arguments, Ordering::Relaxed);
    RETURN_VALUES.store(return_values, Ordering::Relaxed);
    HAS_REPR.store(repr.is_some(), Ordering::Relaxed);
    let before = std::mem::replace(&mut *REPR.lock().unwrap_or_else(PoisonError::into_inner), repr);
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

/// The program's function that shows values, if it has one.
pub fn repr(python: Python<'_>) -> Option<Py<PyAny>> {
    if !HAS_REPR.load(Ordering::Relaxed) {
        return None;
    }
    REPR.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|repr| repr.clone_ref(python))
}
