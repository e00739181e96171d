//! Functions of Python that are called when something has happened.

use crate::sync::{Mutex, lock};
use pyo3::call::PyCallArgs;
use pyo3::prelude::*;

/// A place for one such function. Nobody runs Python with the lock.
pub struct Listener(Mutex<Option<Py<PyAny>>>);

impl Listener {
    /// A place without a function.
    pub const fn new() -> Listener {
        Listener(Mutex::new(None))
    }

    /// Puts a function there, or none. May run Python.
    pub fn set(&self, function: Option<Py<PyAny>>) {
        let before = std::mem::replace(&mut *lock(&self.0), function);
        drop(before);
    }

    /// Calls the function that is there. What it raises is printed as an exception in a destructor would be.
    pub fn tell<'py>(&self, python: Python<'py>, arguments: impl PyCallArgs<'py>) {
        let function = lock(&self.0).as_ref().map(|function| function.clone_ref(python));
        if let Some(Err(error)) = function.map(|function| function.call1(python, arguments)) {
            error.write_unraisable(python, None);
        }
    }
}
