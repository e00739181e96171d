//! The names of threads as the program sees them, read without calling any Python: the `threading` module must not take
//! an unknown thread for a new one (its `current_thread()` would invent a "Dummy-1"), and a program's own classes,
//! properties and imports must not run inside a hook.
//!
//! A thread is named when it is first seen, and again when it ends or recording stops, if its name has changed by then.

use crate::fallible::{Number, Text, lossy};
use crate::preserve::{preserving_exception, without_collector};
use crate::recording;
use crate::sync::{Mutex, lock};
use crate::system::is_main_thread;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyCode, PyDict, PyFrame, PyModule, PyString};
use std::collections::HashMap;
use std::process;
use std::ptr;
use std::sync::LazyLock;

/// The threads that have been named and not ended. Locked for a look alone: no object dies meanwhile, and nothing of
/// the interpreter is called.
static NAMED: LazyLock<Mutex<HashMap<Key, Named>>> = LazyLock::new(Mutex::default);

/// A thread: its process, its recording's number, its recorder's serial.
type Key = (u32, u64, u32);

/// A thread's object and the name it had.
struct Named {
    thread: Py<PyAny>,
    name: String,
}

/// Writes the name of the calling thread, which has this serial in the recording of this number.
pub fn name_current(number: u64, serial: u32) {
    preserving_exception(|python| {
        let found = without_collector(python, || {
            let thread = object_of_current(python)?;
            let name = name_of(&thread)?;
            recording::name_thread(number, serial, &name);
            Some(Named { thread: thread.unbind(), name })
        });
        match found {
            Some(named) => watch(python, (process::id(), number, serial), named),
            None if is_main_thread() => recording::name_thread(number, serial, "MainThread"),
            None => {}
        }
        Some(())
    });
}

/// Writes the names that have changed. The calling thread has this serial, if it has recorded.
pub fn renew(serial: Option<u32>) {
    let here = (process::id(), recording::kept());
    if let Some(serial) = serial {
        let is_known = lock(&NAMED).contains_key(&(here.0, here.1, serial));
        if !is_known {
            name_current(here.1, serial); // the main thread has no object before somebody imports `threading`
        }
    }
    preserving_exception(|python| {
        without_collector(python, || {
            for (key, mut named) in all_of(here, python) {
                if named.write_change(python, key)
                    && let Some(known) = lock(&NAMED).get_mut(&key)
                {
                    known.name = named.name;
                }
            }
        });
        Some(())
    });
}

/// Returns what is known of the threads of this process and recording.
fn all_of(here: (u32, u64), python: Python<'_>) -> Vec<(Key, Named)> {
    let copy = |named: &Named| Named { thread: named.thread.clone_ref(python), name: named.name.clone() };
    let named = lock(&NAMED);
    let here = named.iter().filter(|((process, number, _), _)| (*process, *number) == here);
    here.map(|(key, named)| (*key, copy(named))).collect()
}

impl Named {
    /// Writes the thread's name if it has changed. Returns whether it has.
    fn write_change(&mut self, python: Python<'_>, (_, number, serial): Key) -> bool {
        let Some(name) = name_of(self.thread.bind(python)).filter(|name| *name != self.name) else { return false };
        recording::name_thread(number, serial, &name);
        self.name = name;
        true
    }
}

/// Has the end of the calling thread noticed: the interpreter drops what it keeps for a thread that is still attached.
fn watch(python: Python<'_>, key: Key, thread: Named) {
    // SAFETY: `python` proves that the GIL is held.
    let kept = unsafe { ffi::PyThreadState_GetDict() };
    // SAFETY: NULL or a borrowed dictionary, which lives as long as the thread's state: nothing has run since.
    let kept = unsafe { Bound::from_borrowed_ptr_or_opt(python, kept) };
    let Some(kept) = kept.and_then(|kept| kept.cast_into::<PyDict>().ok()) else { return };
    let replaced = lock(&NAMED).insert(key, thread);
    drop(replaced); // not under the lock
    let _ = Py::new(python, End { key }).and_then(|end| kept.set_item(Text("viztracer.thread_name"), end));
}

/// Dies with its thread.
#[pyclass(frozen, module = "viztracer.snaptrace")]
struct End {
    key: Key,
}

impl Drop for End {
    fn drop(&mut self) {
        let removed = lock(&NAMED).remove(&self.key);
        let Some(mut ended) = removed else { return };
        let (process, ..) = self.key;
        // The thread's object may die here, with whatever that runs: the interpreter ends the thread, and no hook is
        // under way.
        preserving_exception(|python| {
            if process == process::id() {
                without_collector(python, || ended.write_change(python, self.key));
            }
            drop(ended);
            Some(())
        });
    }
}

/// Returns what the object keeps as its name. A class that computes it is not asked.
fn name_of(thread: &Bound<'_, PyAny>) -> Option<String> {
    // SAFETY: a living object. The generic function calls no class's own `__dict__`.
    let kept = unsafe { ffi::PyObject_GenericGetDict(thread.as_ptr(), ptr::null_mut()) };
    // SAFETY: NULL with an exception, which is cleared by `preserving_exception`, or a new reference.
    let kept = unsafe { Bound::from_owned_ptr_or_opt(thread.py(), kept) }?;
    let name = item(&kept, "_name")?;
    lossy(name.cast_exact::<PyString>().ok()?).ok()
}

/// Returns the calling thread's object, if it has one.
fn object_of_current(python: Python<'_>) -> Option<Bound<'_, PyAny>> {
    // SAFETY: `python` proves that the GIL is held. A borrowed dictionary, which lives as long as the interpreter.
    let modules = unsafe { Bound::from_borrowed_ptr_or_opt(python, ffi::PyImport_GetModuleDict()) }?;
    let threading = item(&modules, "threading")?;
    let active = item(threading.cast::<PyModule>().ok()?.dict().as_any(), "_active")?;
    // SAFETY: asks the C library alone.
    let ident = unsafe { ffi::PyThread_get_thread_ident() } as u64; // a shorter number on Windows
    let registered = active.cast_exact::<PyDict>().ok()?.get_item(Number(ident)).ok()?;
    registered.or_else(|| starting_thread(python))
}

/// Returns the object of a thread whose very first Python function is `Thread._bootstrap`. It is not registered yet,
/// but the `self` of that function.
fn starting_thread(python: Python<'_>) -> Option<Bound<'_, PyAny>> {
    // SAFETY: `python` proves that the GIL is held.
    let frame = unsafe { ffi::PyEval_GetFrame() };
    // SAFETY: NULL or a borrowed frame, which is open.
    let frame = unsafe { Bound::from_borrowed_ptr_or_opt(python, frame.cast()) }?;
    let frame = frame.cast_exact::<PyFrame>().ok()?;
    let code = frame.getattr(Text("f_code")).ok()?.cast_into::<PyCode>().ok()?;
    let name = code.getattr(Text("co_name")).ok()?;
    let name = name.cast_exact::<PyString>().ok()?.to_str().ok()?;
    let is_bootstrap = name == "_bootstrap" || name == "_bootstrap_inner";
    is_bootstrap.then(|| frame.getattr(Text("f_locals")).ok()?.get_item(Text("self")).ok()).flatten()
}

/// Returns what an exact dictionary has under this name.
fn item<'py>(dictionary: &Bound<'py, PyAny>, name: &str) -> Option<Bound<'py, PyAny>> {
    dictionary.cast_exact::<PyDict>().ok()?.get_item(Text(name)).ok()?
}
