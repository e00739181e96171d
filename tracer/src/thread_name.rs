//! The names of threads as the program sees them, asked for without making the `threading` module take an unknown
//! thread for a new one (its `current_thread()` would invent a "Dummy-1").
//!
//! A thread is named when it is first seen, and again when it ends or recording stops, if its name has changed by then.

use crate::{current, session};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::collections::HashMap;
use std::process;
use std::sync::{LazyLock, Mutex, MutexGuard, TryLockError};

/// The threads that have been named and not ended. Used with the GIL held, and no object dies while it is locked.
static NAMED: LazyLock<Mutex<HashMap<Key, Named>>> = LazyLock::new(Mutex::default);

/// A thread: its process, its session, its recorder's serial.
type Key = (u32, u64, u32);

/// A thread's object and the name it had.
struct Named {
    thread: Py<PyAny>,
    name: String,
}

/// Writes the name of the calling thread, whose recorder has this serial.
pub fn name_current(serial: u32) {
    // SAFETY: threads are attached by hooks, which run with the GIL held.
    let python = unsafe { Python::assume_attached() };
    aside(python, || match object_of_current(python) {
        Some(thread) => {
            if let Some(name) = name_of(&thread) {
                session::name_thread(serial, &name);
                watch(python, serial, Named { thread: thread.unbind(), name });
            }
        }
        None if is_main() => session::name_thread(serial, "MainThread"),
        None => {}
    });
}

/// Writes the names that have changed.
pub fn renew(python: Python<'_>) {
    let here = (process::id(), session::current());
    aside(python, || {
        if let Some(recorder) = current::existing(here.1) {
            // SAFETY: the calling thread's own recorder, outside of any hook's use of it.
            let serial = unsafe { &*recorder }.serial();
            let is_known = named().is_none_or(|named| named.contains_key(&(here.0, here.1, serial)));
            if !is_known && object_of_current(python).is_some() {
                name_current(serial); // the main thread has none before somebody imports `threading`
            }
        }
        for ((process, session, serial), named) in named().iter_mut().flat_map(|named| named.iter_mut()) {
            if (*process, *session) == here {
                named.write_change(python, *serial);
            }
        }
    });
}

impl Named {
    fn write_change(&mut self, python: Python<'_>, serial: u32) {
        if let Some(name) = name_of(self.thread.bind(python)).filter(|name| *name != self.name) {
            session::name_thread(serial, &name);
            self.name = name;
        }
    }
}

/// Has the end of the calling thread noticed: the interpreter drops what it keeps for a thread, with the GIL held.
fn watch(python: Python<'_>, serial: u32, thread: Named) {
    let key = (process::id(), session::current(), serial);
    // SAFETY: the GIL is held; the dictionary is borrowed.
    let kept = unsafe { ffi::PyThreadState_GetDict() };
    // SAFETY: NULL or a living dictionary.
    let kept = unsafe { Bound::from_borrowed_ptr_or_opt(python, kept) };
    let Some(kept) = kept.and_then(|kept| kept.cast_into::<PyDict>().ok()) else { return };
    let replaced = named().and_then(|mut named| named.insert(key, thread));
    drop(replaced); // not before the lock is
    let _ = Py::new(python, End { key }).and_then(|end| kept.set_item("viztracer.thread_name", end));
}

/// Dies with its thread.
#[pyclass(frozen, module = "viztracer.snaptrace")]
struct End {
    key: Key,
}

impl Drop for End {
    fn drop(&mut self) {
        let Some(mut ended) = named().and_then(|mut named| named.remove(&self.key)) else { return };
        let (process, session, serial) = self.key;
        if (process, session) == (process::id(), session::current()) {
            // SAFETY: the interpreter destroys objects with the GIL held.
            let python = unsafe { Python::assume_attached() };
            aside(python, || ended.write_change(python, serial));
        }
    }
}

/// Runs this between two steps of the program, of which the first may have raised.
fn aside(python: Python<'_>, work: impl FnOnce()) {
    let error = PyErr::take(python);
    work();
    let _ = PyErr::take(python);
    if let Some(error) = error {
        error.restore(python);
    }
}

/// The threads that have been named; `None` if we are called by what we call.
fn named() -> Option<MutexGuard<'static, HashMap<Key, Named>>> {
    match NAMED.try_lock() {
        Ok(named) => Some(named),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

fn name_of(thread: &Bound<'_, PyAny>) -> Option<String> {
    thread.getattr("_name").ok()?.extract().ok()
}

/// The calling thread's object, if it has one.
fn object_of_current(python: Python<'_>) -> Option<Bound<'_, PyAny>> {
    let threading = loaded_module(python, "threading")?;
    let ident = threading.getattr("get_ident").ok()?.call0().ok()?;
    let registered = threading.getattr("_active").ok()?.call_method1("get", (ident,)).ok()?;
    if registered.is_none() { starting_thread(python) } else { Some(registered) }
}

/// A thread whose very first Python function is `Thread._bootstrap` is not registered yet; it is the `self` of that.
fn starting_thread(python: Python<'_>) -> Option<Bound<'_, PyAny>> {
    // SAFETY: the GIL is held; the frame is borrowed.
    let frame = unsafe { ffi::PyEval_GetFrame() };
    // SAFETY: NULL or a living frame.
    let frame = unsafe { Bound::from_borrowed_ptr_or_opt(python, frame.cast()) }?;
    let name: String = frame.getattr("f_code").ok()?.getattr("co_name").ok()?.extract().ok()?;
    let is_bootstrap = name == "_bootstrap" || name == "_bootstrap_inner";
    is_bootstrap.then(|| frame.getattr("f_locals").ok()?.get_item("self").ok()).flatten()
}

fn loaded_module<'py>(python: Python<'py>, name: &str) -> Option<Bound<'py, PyAny>> {
    let modules = python.import("sys").ok()?.getattr("modules").ok()?;
    modules.call_method1("get", (name,)).ok().filter(|module| !module.is_none())
}

fn is_main() -> bool {
    viztracer_recorder::process::current_tid() == u64::from(std::process::id())
}
