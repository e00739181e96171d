//! Asks asyncio, or trio, for the task that the calling thread runs.

use crate::fallible::Text;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyModule};

/// Returns the task that the calling thread runs. May run Python.
pub fn task(python: Python<'_>) -> Option<Bound<'_, PyAny>> {
    asyncio_task(python).or_else(|| trio_task(python))
}

fn asyncio_task(python: Python<'_>) -> Option<Bound<'_, PyAny>> {
    static RUNNING_LOOP: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let running_loop = attribute(python, &RUNNING_LOOP, "asyncio", "_get_running_loop")?.call0().ok()?;
    let task = (!running_loop.is_none()).then(|| task_of_loop(running_loop)).flatten()?;
    (!task.is_none()).then_some(task)
}

#[cfg(Py_3_12)]
fn task_of_loop(running_loop: Bound<'_, PyAny>) -> Option<Bound<'_, PyAny>> {
    static CURRENT_TASK: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    attribute(running_loop.py(), &CURRENT_TASK, "asyncio", "current_task")?.call1((running_loop,)).ok()
}

/// Before 3.12 `asyncio.current_task` is Python code that looks into a dictionary, which happens here directly.
#[cfg(not(Py_3_12))]
fn task_of_loop(running_loop: Bound<'_, PyAny>) -> Option<Bound<'_, PyAny>> {
    static CURRENT_TASKS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    attribute(running_loop.py(), &CURRENT_TASKS, "asyncio.tasks", "_current_tasks")?.get_item(running_loop).ok()
}

fn trio_task(python: Python<'_>) -> Option<Bound<'_, PyAny>> {
    static CURRENT_TASK: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    attribute(python, &CURRENT_TASK, "trio.lowlevel", "current_task")?.call0().ok()
}

/// Returns what a module has under this name, if the program has imported the module.
pub(super) fn attribute<'py>(
    python: Python<'py>,
    known: &'static PyOnceLock<Py<PyAny>>,
    module: &str,
    name: &str,
) -> Option<&'py Bound<'py, PyAny>> {
    let found = known.get_or_try_init(python, || {
        // SAFETY: `python` proves that the GIL is held. The dictionary is borrowed and lives as long as the
        // interpreter.
        let modules = unsafe { Bound::from_borrowed_ptr_or_opt(python, ffi::PyImport_GetModuleDict()) };
        let modules = modules.as_ref().and_then(|modules| modules.cast::<PyDict>().ok()).ok_or(())?;
        let module = modules.get_item(Text(module)).ok().flatten().ok_or(())?;
        let found = module.cast::<PyModule>().map_err(drop)?.dict().get_item(Text(name));
        found.ok().flatten().map(Bound::unbind).ok_or(())
    });
    found.ok().map(|found| found.bind(python))
}
