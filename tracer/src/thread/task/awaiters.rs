//! Which tasks wait for one that ends. Its callbacks lead to them: the interpreter has no other source that all its
//! versions share.
//!
//! A task that awaits another one is woken by a callback of that one, and the functions of `asyncio` that wait for
//! several tasks have callbacks that complete one more future, which the waiting task awaits. Callbacks of the program
//! are left alone: only what `asyncio` itself knows to wait is found, and no code of a callback's class or owner runs.

use super::running;
use crate::fallible::Text;
use crate::imported::from_interpreter;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyCFunction, PyFunction, PyList, PyString, PyTuple};
use std::collections::HashSet;

from_interpreter! {
    /// Include/cpython/classobject.h: the type of methods in Python that are bound to an object.
    static mut PyMethod_Type: ffi::PyTypeObject;
}

/// How many futures are looked at between a task and those that wait for it, at most.
const FUTURES_MAX: usize = 1024;
/// The variables in which callbacks of `asyncio` keep the future that they complete.
const COMPLETED: [&str; 2] = ["outer", "waiter"];

/// Returns the tasks that wait for this one, which is about to end. May run Python.
pub fn of<'py>(task: &Bound<'py, PyAny>) -> Vec<Bound<'py, PyAny>> {
    let (mut futures, mut tasks) = (vec![task.clone()], Vec::new());
    // Both lists keep what they hold alive, so no two of these addresses are the same.
    let mut seen = HashSet::from([task.as_ptr() as usize]);
    let mut next = 0;
    while let Some(future) = futures.get(next).filter(|_| next < FUTURES_MAX).cloned() {
        next += 1;
        for callback in callbacks(&future) {
            let (waiting, list) = if let Some(task) = woken(&callback) {
                (task, &mut tasks)
            } else if let Some(future) = completed(&callback) {
                (future, &mut futures)
            } else {
                continue;
            };
            if seen.insert(waiting.as_ptr() as usize) {
                list.push(waiting);
            }
        }
    }
    tasks
}

/// Returns the callbacks of a future; none if it is none of asyncio's.
fn callbacks<'py>(future: &Bound<'py, PyAny>) -> impl Iterator<Item = Bound<'py, PyAny>> {
    let list = stored(future, "_callbacks").and_then(|list| list.cast_into::<PyList>().ok());
    list.into_iter().flatten().filter_map(|entry| entry.cast_into::<PyTuple>().ok()?.get_item(0).ok())
}

/// Returns the task that a callback wakes.
fn woken<'py>(callback: &Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
    let is_wakeup = if callback.is_instance_of::<PyCFunction>() {
        has(callback, "__name__", "task_wakeup")
    } else {
        let function = of_method(callback)?;
        has(&function, "__name__", "__wakeup") && has(&function, "__module__", "asyncio.tasks")
    };
    is_wakeup.then(|| callback.getattr(Text("__self__")).ok())?
}

/// Returns the future that a callback of `asyncio` completes.
fn completed<'py>(callback: &Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
    if let Some(function) = of_method(callback) {
        let group =
            callback.getattr(Text("__self__")).ok().filter(|_| has(&function, "__module__", "asyncio.taskgroups"))?;
        return stored(&group, "_on_completed_fut").filter(|future| !future.is_none());
    }
    if !is_function(callback) {
        return released(callback);
    }
    if !has(callback, "__module__", "asyncio.tasks") {
        return None;
    }
    let names =
        callback.getattr(Text("__code__")).ok()?.getattr(Text("co_freevars")).ok()?.cast_into::<PyTuple>().ok()?;
    let cells = callback.getattr(Text("__closure__")).ok()?.cast_into::<PyTuple>().ok()?;
    let index = names.iter().position(|name| COMPLETED.iter().any(|known| is_text(&name, known)))?;
    cells.get_item(index).ok()?.getattr(Text("cell_contents")).ok()
}

/// Returns the future that `asyncio.wait_for` completes before 3.12: its callback is a partial function.
fn released<'py>(callback: &Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
    static PARTIAL: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let partial = running::attribute(callback.py(), &PARTIAL, "functools", "partial")?;
    let function = callback.get_type().is(partial).then(|| callback.getattr(Text("func")).ok())??;
    let arguments = callback.getattr(Text("args")).ok()?.cast_into::<PyTuple>().ok()?;
    let is_of_asyncio = is_function(&function) && has(&function, "__module__", "asyncio.tasks");
    arguments.get_item(0).ok().filter(|_| is_of_asyncio)
}

/// Returns the function in Python of a method that is bound to an object.
fn of_method<'py>(callback: &Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
    let is_method = callback.get_type_ptr() == &raw mut PyMethod_Type;
    is_method.then(|| callback.getattr(Text("__func__")).ok())?.filter(is_function)
}

fn is_function(callback: &Bound<'_, PyAny>) -> bool {
    callback.is_exact_instance_of::<PyFunction>()
}

/// Whether a function has an attribute with this text.
fn has(function: &Bound<'_, PyAny>, attribute: &str, text: &str) -> bool {
    function.getattr(Text(attribute)).is_ok_and(|value| is_text(&value, text))
}

fn is_text(value: &Bound<'_, PyAny>, text: &str) -> bool {
    value.cast_exact::<PyString>().is_ok_and(|value| value.to_str().is_ok_and(|value| value == text))
}

/// Returns what an object has under this name, without the methods by which its class may answer instead.
fn stored<'py>(owner: &Bound<'py, PyAny>, name: &str) -> Option<Bound<'py, PyAny>> {
    let name = Text(name).into_pyobject(owner.py()).ok()?;
    // SAFETY: the GIL is held; a living object and a string.
    let value = unsafe { ffi::PyObject_GenericGetAttr(owner.as_ptr(), name.as_ptr()) };
    // SAFETY: NULL with an exception, or a new reference.
    unsafe { Bound::from_owned_ptr_or_err(owner.py(), value) }.ok()
}
