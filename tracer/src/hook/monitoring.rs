//! CPython 3.12 and later: `sys.monitoring` (PEP 669).
//!
//! A location in code that is not recorded answers `DISABLE` and costs nothing from then on. `restart_events` at the
//! next start wakes it again.

mod callback;
mod counting;
mod events;
mod tool;

use super::logged;
use super::options::EventOptions;
use crate::fallible::{Number, Text};
use crate::logged::options;
pub use counting::{close as close_burst, is_armed as is_counting, open as open_burst};
use events::{
    C_EVENTS, COUNTED, ENTRIES, EXITS, Event, LOGGED_ENTRIES, LOGGED_EXITS, TASK_ENTRIES, TASK_EXITS, on_counted,
};
use pyo3::ffi::PyObject;
use pyo3::prelude::*;
use std::sync::atomic::{AtomicI32, Ordering};
use tool::monitoring;

/// The events that this library has asked for, as `sys.monitoring.get_events` shows them.
static EVENTS: AtomicI32 = AtomicI32::new(0);
/// Those that a resume switches on again.
static PAUSED: AtomicI32 = AtomicI32::new(0);

/// Registers the callbacks and switches their events on. After an error everything is as before.
pub fn install(python: Python<'_>, wanted: EventOptions) -> PyResult<()> {
    let monitoring = monitoring(python)?;
    events::know_disable(&monitoring)?;
    let tool = tool::acquire(&monitoring)?;
    register(&monitoring, tool, wanted).inspect_err(|_| {
        let _ = uninstall(python);
    })
}

fn register(monitoring: &Bound<'_, PyAny>, tool: i32, wanted: EventOptions) -> PyResult<()> {
    let numbers = monitoring.getattr(Text("events"))?;
    logged::distinguish_tasks(wanted.tasks);
    let entries = match wanted.tasks {
        _ if options::arguments() => LOGGED_ENTRIES,
        true => TASK_ENTRIES,
        false => ENTRIES,
    };
    let exits = match wanted.tasks {
        _ if options::return_values() => LOGGED_EXITS,
        true => TASK_EXITS,
        false => EXITS,
    };
    let c_events: &[Event] = if wanted.c_functions { C_EVENTS } else { &[] };
    let mut events = 0i32;
    for Event { name, callback, is_shown } in [entries, exits, c_events].into_iter().flatten() {
        let number = numbers.getattr(Text(name))?;
        let callback = callback::new(monitoring.py(), *callback)?;
        monitoring.call_method1(Text("register_callback"), (tool, &number, callback))?;
        if *is_shown {
            events |= number.extract::<i32>()?;
        }
    }
    if wanted.counts {
        let _ = counting::prepare(monitoring, &COUNTED, on_counted); // an audit hook may refuse that; then nothing is counted
    }
    EVENTS.store(events, Ordering::Relaxed);
    monitoring.call_method1(Text("set_events"), (tool, number(events)))?;
    monitoring.call_method0(Text("restart_events"))?;
    Ok(())
}

/// Switches our events off and gives the tool id back. Returns whether all was as we had left it: another tool that has
/// our id by now, or has replaced a callback of ours, keeps what it has.
pub fn uninstall(python: Python<'_>) -> PyResult<bool> {
    let Some(tool) = tool::give_up() else { return Ok(true) };
    let monitoring = monitoring(python)?;
    counting::disarm(&monitoring);
    let freed = tool::free_second(&monitoring, &COUNTED);
    let is_ours = tool::is_ours(&monitoring, tool)?;
    let mut is_whole = false;
    if is_ours {
        is_whole = are_events_on(&monitoring, tool)?;
        monitoring.call_method1(Text("set_events"), (tool, 0))?;
    }
    // An audit hook may refuse that; the id is given back all the same.
    let unregistered = unregister(&monitoring, tool);
    if is_ours {
        monitoring.call_method1(Text("free_tool_id"), (tool,))?;
    }
    freed?;
    Ok(unregistered? && is_whole)
}

/// Takes a tool id anew if ours is gone, or switches our events on again if they are off. Returns whether it had to.
pub fn mend(python: Python<'_>, wanted: EventOptions) -> PyResult<bool> {
    let Some(tool) = tool::taken() else { return Ok(false) };
    let monitoring = monitoring(python)?;
    if tool::is_ours(&monitoring, tool)? && are_events_on(&monitoring, tool)? {
        return Ok(false);
    }
    uninstall(python)?;
    install(python, wanted).map(|()| true)
}

/// Switches our events off; tool id and callbacks stay.
pub fn pause(python: Python<'_>) -> PyResult<()> {
    let Some(tool) = tool::taken() else { return Ok(()) };
    let monitoring = monitoring(python)?;
    counting::disarm(&monitoring);
    if tool::is_ours(&monitoring, tool)? {
        PAUSED.store(EVENTS.swap(0, Ordering::Relaxed), Ordering::Relaxed);
        monitoring.call_method1(Text("set_events"), (tool, 0))?;
    }
    Ok(())
}

/// Switches our events on again. If another tool has our id by now, takes a new one.
pub fn resume(python: Python<'_>, wanted: EventOptions) -> PyResult<()> {
    let monitoring = monitoring(python)?;
    match tool::taken() {
        Some(tool) if tool::is_ours(&monitoring, tool)? => {
            let events = PAUSED.load(Ordering::Relaxed);
            EVENTS.store(events, Ordering::Relaxed);
            monitoring.call_method1(Text("set_events"), (tool, number(events))).map(drop)
        }
        _ => install(python, wanted),
    }
}

/// Switches our events on again.
pub fn wake(python: Python<'_>, wanted: EventOptions) -> PyResult<()> {
    resume(python, wanted)
}

/// Prepares to count the calls of elided functions. Without a second tool id, nothing happens.
pub fn arm_counting(python: Python<'_>) -> PyResult<()> {
    counting::arm(&monitoring(python)?)
}

/// Ends that, if it goes on.
pub fn end_counting(python: Python<'_>) -> PyResult<()> {
    counting::disarm(&monitoring(python)?);
    Ok(())
}

/// Hooks the calling thread if this profile function is our hook, which none is. Returns whether it is.
pub fn put_back(_: Python<'_>, _: *mut PyObject) -> bool {
    false
}

/// Whether a profile function is our hook: never, since this hook is none.
pub fn is_hook(_: Python<'_>, _: *mut PyObject) -> bool {
    false
}

/// A set of events as a number that the interpreter makes.
fn number(events: i32) -> Number {
    Number(events.cast_unsigned().into())
}

fn are_events_on(monitoring: &Bound<'_, PyAny>, tool: i32) -> PyResult<bool> {
    let events: i32 = monitoring.call_method1(Text("get_events"), (tool,))?.extract()?;
    Ok(events == EVENTS.load(Ordering::Relaxed))
}

/// Takes our callbacks out. Returns whether they were the only ones.
fn unregister(monitoring: &Bound<'_, PyAny>, tool: i32) -> PyResult<bool> {
    let numbers = monitoring.getattr(Text("events"))?;
    let none = monitoring.py().None();
    let mut only_ours = true;
    for Event { name, .. } in [ENTRIES, EXITS, C_EVENTS].into_iter().flatten() {
        let event = numbers.getattr(Text(name))?;
        let callback = monitoring.call_method1(Text("register_callback"), (tool, &event, &none))?;
        if !callback.is_none() && !callback::is_ours(&callback) {
            only_ours = false;
            monitoring.call_method1(Text("register_callback"), (tool, &event, callback))?;
        }
    }
    Ok(only_ours)
}
