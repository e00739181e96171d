//! What the interpreter calls when it collects garbage, and at audit events.
//!
//! These are built-in functions: a function of Python would fail where the program has used up its stack, and the
//! interpreter would report that on stderr, or raise it in the program.

use crate::fallible::{self, Name, Text, without_memory_error};
use crate::logged::{event, shown};
use crate::tracer::Tracer;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple};

/// The counter's name, as VizTracer has it.
static GARBAGE_COLLECTION: Name = Name::new("garbage collection");

/// Logs the begin or the end of a garbage collection; `gc.callbacks` says what the arguments are. Logs nothing if there
/// is no memory for that.
#[pyfunction]
pub fn record_garbage_collection(tracer: &Tracer, phase: &str, info: &Bound<'_, PyDict>) -> PyResult<()> {
    if !tracer.records() {
        return Ok(());
    }
    without_memory_error(info.py(), count_garbage(phase, info))
}

fn count_garbage(phase: &str, info: &Bound<'_, PyDict>) -> PyResult<()> {
    let (python, has_ended) = (info.py(), phase != "start");
    let counts = fallible::dictionary(python)?;
    counts.set_item(Text("collecting"), i32::from(!has_ended))?;
    for name in ["collected", "uncollectable"] {
        match info.get_item(Text(name))? {
            Some(count) if has_ended => counts.set_item(Text(name), count)?,
            _ => counts.set_item(Text(name), 0)?,
        }
    }
    event::counter(GARBAGE_COLLECTION.get(python)?, &counts);
    Ok(())
}

/// Logs an audit event for each of these tracers that records and wants it: a tracer comes with a list of regular
/// expressions, of which one has to match the whole name; an empty list stands for all names. Logs nothing if there is no
/// memory for that. Runs Python.
#[pyfunction]
pub fn record_audit_event(
    audited: &Bound<'_, PyList>,
    name: &Bound<'_, PyString>,
    arguments: &Bound<'_, PyTuple>,
) -> PyResult<()> {
    for entry in audited.to_tuple() {
        let (tracer, patterns): (Bound<'_, Tracer>, Bound<'_, PyList>) = entry.extract()?;
        if tracer.get().records() && is_wanted(name, &patterns)? {
            without_memory_error(name.py(), show_audit_event(name, arguments))?;
        }
    }
    Ok(())
}

fn show_audit_event(name: &Bound<'_, PyString>, arguments: &Bound<'_, PyTuple>) -> PyResult<()> {
    let python = name.py();
    let text = python.get_type::<PyString>();
    let shown = fallible::list(python)?;
    for argument in arguments {
        shown.append(Text(&shown::text_of(&argument, Some(&text))))?;
    }
    let args = fallible::dictionary(python)?;
    args.set_item(Text("args"), shown)?;
    event::instant(name, Some(&args), "t");
    Ok(())
}

fn is_wanted(name: &Bound<'_, PyString>, patterns: &Bound<'_, PyList>) -> PyResult<bool> {
    for pattern in patterns.to_tuple() {
        if !pattern.call_method1(Text("fullmatch"), (name,))?.is_none() {
            return Ok(true);
        }
    }
    Ok(patterns.is_empty())
}
