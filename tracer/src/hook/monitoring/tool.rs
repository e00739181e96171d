//! The tool id of `sys.monitoring` under which this library asks for events.

use crate::fallible::Text;
use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyString;
use std::sync::atomic::{AtomicI32, Ordering};

/// Tool ids in the order in which they are asked for: the two without a meaning first, since `cProfile` in the traced
/// program knows no id but that of profilers and fails if that is taken; then that one, that of optimizers, and those
/// of coverage tools and debuggers.
const IDS: [i32; 6] = [4, 3, 2, 5, 1, 0];

/// The tool id that is taken; [`NONE`] if none is.
static TAKEN: AtomicI32 = AtomicI32::new(NONE);
const NONE: i32 = -1;

/// Those that a second one is taken from.
const SECOND_IDS: [i32; 2] = [3, 4];

/// The object that the second tool id is taken with.
static SECOND_NAME: PyOnceLock<Py<PyString>> = PyOnceLock::new();

/// The object that the tool id is taken with. It tells our use of an id from that of another tool, whatever its name.
static NAME: PyOnceLock<Py<PyString>> = PyOnceLock::new();

/// Takes a free tool id, or one that is ours already; never another tool's.
///
/// Raises `RuntimeError` if all are taken, with the names of their holders.
pub fn acquire(monitoring: &Bound<'_, PyAny>) -> PyResult<i32> {
    let python = monitoring.py();
    let name = NAME.get_or_try_init(python, || Text("viztracer").into_pyobject(python).map(Bound::unbind))?;
    let mut holders = Vec::new();
    for tool in IDS {
        match holder(monitoring, tool)? {
            Some(holder) if !is_our_name(&holder) => holders.push(format!("{tool} by {holder}")),
            held => {
                if held.is_none() {
                    monitoring.call_method1(Text("use_tool_id"), (tool, name))?;
                }
                TAKEN.store(tool, Ordering::Relaxed);
                return Ok(tool);
            }
        }
    }
    let holders = holders.join(", ");
    Err(PyRuntimeError::new_err(format!("no sys.monitoring tool id is free: {holders}; stop one of these tools first")))
}

/// Takes a second tool id, of those without a meaning, unless we have one; `None` if none is free.
pub fn acquire_second(monitoring: &Bound<'_, PyAny>) -> PyResult<Option<i32>> {
    let python = monitoring.py();
    let name =
        SECOND_NAME.get_or_try_init(python, || Text("viztracer counts").into_pyobject(python).map(Bound::unbind))?;
    if let Some(tool) = second(monitoring)? {
        return Ok(Some(tool));
    }
    for tool in SECOND_IDS {
        if holder(monitoring, tool)?.is_none() {
            monitoring.call_method1(Text("use_tool_id"), (tool, name))?;
            return Ok(Some(tool));
        }
    }
    Ok(None)
}

/// Returns the second tool id, if we hold one.
pub fn second(monitoring: &Bound<'_, PyAny>) -> PyResult<Option<i32>> {
    let Some(name) = SECOND_NAME.get(monitoring.py()) else { return Ok(None) };
    for tool in SECOND_IDS {
        if holder(monitoring, tool)?.is_some_and(|holder| holder.is(name)) {
            return Ok(Some(tool));
        }
    }
    Ok(None)
}

/// Gives the second tool id back, with its callbacks for these events, if we have one.
pub fn free_second(monitoring: &Bound<'_, PyAny>, events: &[&'static str]) -> PyResult<()> {
    let Some(tool) = second(monitoring)? else { return Ok(()) };
    let none = monitoring.py().None();
    // An audit hook may refuse that; the id is given back all the same.
    let unregistered = events.iter().try_for_each(|event| {
        let event = monitoring.getattr(Text("events"))?.getattr(Text(event))?;
        monitoring.call_method1(Text("register_callback"), (tool, event, &none)).map(drop)
    });
    monitoring.call_method1(Text("free_tool_id"), (tool,))?;
    unregistered
}

/// Returns the tool id that was taken last.
pub fn taken() -> Option<i32> {
    Some(TAKEN.load(Ordering::Relaxed)).filter(|tool| *tool != NONE)
}

/// Returns the tool id that was taken last, and forgets it. It is the caller's to free.
pub fn give_up() -> Option<i32> {
    Some(TAKEN.swap(NONE, Ordering::Relaxed)).filter(|tool| *tool != NONE)
}

/// Whether this library holds the tool id.
pub fn is_ours(monitoring: &Bound<'_, PyAny>, tool: i32) -> PyResult<bool> {
    Ok(holder(monitoring, tool)?.is_some_and(|holder| is_our_name(&holder)))
}

fn holder<'py>(monitoring: &Bound<'py, PyAny>, tool: i32) -> PyResult<Option<Bound<'py, PyAny>>> {
    let holder = monitoring.call_method1(Text("get_tool"), (tool,))?;
    Ok((!holder.is_none()).then_some(holder))
}

fn is_our_name(holder: &Bound<'_, PyAny>) -> bool {
    NAME.get(holder.py()).is_some_and(|name| holder.is(name))
}

/// Returns `sys.monitoring`, without the help of `__import__`, which may be the program's.
pub fn monitoring(python: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    // SAFETY: `python` proves that the GIL is held.
    let monitoring = unsafe { ffi::PySys_GetObject(c"monitoring".as_ptr()) };
    // SAFETY: NULL, or a borrowed object that lives: nothing has run since.
    let monitoring = unsafe { Bound::from_borrowed_ptr_or_opt(python, monitoring) };
    monitoring.ok_or_else(|| PyRuntimeError::new_err("sys.monitoring is gone"))
}
