//! Which tasks wait for one that ends. Its callbacks lead to them: the interpreter has no other source that all its
//! versions share.
//!
//! A task that awaits another one is woken by a callback of that one, and the functions of `asyncio` that wait for
//! several tasks have callbacks that complete one more future, which the waiting task awaits. Callbacks of the program
//! are left alone, so only what `asyncio` itself knows to wait is found.

use pyo3::prelude::*;
use pyo3::types::{PyCFunction, PyFunction, PyList, PyTuple};

/// How many futures lie between a task and one that waits for it, at most.
const DEPTH_MAX: usize = 8;
/// The names of the callback that wakes a task: of one in C, and of one in Python.
const WAKEUPS: [&str; 2] = ["task_wakeup", "__wakeup"];
/// The variables in which callbacks of `asyncio` keep the future that they complete.
const COMPLETED: [&str; 2] = ["outer", "waiter"];

/// Returns the tasks that wait for this one, which is about to end. May run Python.
pub fn of<'py>(task: &Bound<'py, PyAny>) -> Vec<Bound<'py, PyAny>> {
    let mut found = Vec::new();
    add_waiting(task, DEPTH_MAX, &mut found);
    found
}

fn add_waiting<'py>(future: &Bound<'py, PyAny>, depth: usize, found: &mut Vec<Bound<'py, PyAny>>) {
    let Some(callbacks) = future.getattr("_callbacks").ok().and_then(|list| list.cast_into::<PyList>().ok()) else {
        return; // it has none, or is none of asyncio's
    };
    for entry in callbacks.iter() {
        let entry = entry.cast_into::<PyTuple>().ok();
        let Some(callback) = entry.and_then(|entry| entry.get_item(0).ok()) else { continue };
        if let Some(task) = woken(&callback) {
            if !found.iter().any(|known| known.is(&task)) {
                found.push(task);
            }
        } else if let Some(next) = completed(&callback).filter(|_| depth > 0) {
            add_waiting(&next, depth - 1, found);
        }
    }
}

/// Returns the task that a callback wakes.
fn woken<'py>(callback: &Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
    let is_bound = callback.is_instance_of::<PyCFunction>() || is_method(callback);
    let name = callback.getattr("__name__").ok().filter(|_| is_bound)?;
    WAKEUPS.iter().any(|wakeup| name.eq(*wakeup).unwrap_or(false)).then(|| callback.getattr("__self__").ok())?
}

/// Returns the future that a callback of `asyncio` completes.
fn completed<'py>(callback: &Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
    if is_method(callback) {
        let owner = callback.getattr("__self__").ok()?;
        let is_group = is_of(&owner.get_type(), "asyncio.taskgroups");
        return owner.getattr("_on_completed_fut").ok().filter(|future| is_group && !future.is_none());
    }
    if !callback.is_instance_of::<PyFunction>() {
        return released(callback);
    }
    if !is_of(callback, "asyncio.tasks") {
        return None;
    }
    let names = callback.getattr("__code__").ok()?.getattr("co_freevars").ok()?.cast_into::<PyTuple>().ok()?;
    let cells = callback.getattr("__closure__").ok()?.cast_into::<PyTuple>().ok()?;
    let index = names.iter().position(|name| COMPLETED.iter().any(|known| name.eq(*known).unwrap_or(false)))?;
    cells.get_item(index).ok()?.getattr("cell_contents").ok()
}

/// Returns the future that `asyncio.wait_for` completes before 3.12: its callback is a partial function.
fn released<'py>(callback: &Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
    let function = callback.getattr("func").ok()?;
    let arguments = callback.getattr("args").ok()?.cast_into::<PyTuple>().ok()?;
    arguments.get_item(0).ok().filter(|_| is_of(&function, "asyncio.tasks"))
}

/// Whether a callback is a method in Python that is bound to an object.
fn is_method(callback: &Bound<'_, PyAny>) -> bool {
    callback.getattr("__func__").is_ok()
}

/// Whether a function or a class is defined in this module.
fn is_of(defined: &Bound<'_, PyAny>, module: &str) -> bool {
    defined.getattr("__module__").and_then(|name| name.eq(module)).unwrap_or(false)
}
