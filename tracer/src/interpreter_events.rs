//! What the interpreter calls when it collects garbage, and at audit events.
//!
//! These are built-in functions: a function of Python would fail where the program has used up its stack, and the
//! interpreter would report that on stderr, or raise it in the program.

use crate::logged::{event, shown};
use crate::tracer::Tracer;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple};

/// The counter's name, as VizTracer has it.
const GARBAGE_COLLECTION: &str = "garbage collection";

/// Logs the begin or the end of a garbage collection; `gc.callbacks` says what the arguments are.
#[pyfunction]
pub fn record_garbage_collection(tracer: &Tracer, phase: &str, info: &Bound<'_, PyDict>) -> PyResult<()> {
    if !tracer.records() {
        return Ok(());
    }
    let (python, has_ended) = (info.py(), phase != "start");
    let counts = PyDict::new(python);
    counts.set_item("collecting", i32::from(!has_ended))?;
    for name in ["collected", "uncollectable"] {
        match info.get_item(name)? {
            Some(count) if has_ended => counts.set_item(name, count)?,
            _ => counts.set_item(name, 0)?,
        }
    }
    event::counter(&PyString::new(python, GARBAGE_COLLECTION), &counts);
    Ok(())
}

/// Logs an audit event for each of these tracers that records and wants it: a tracer comes with a list of regular
/// expressions, of which one has to match the whole name; an empty list stands for all names. Runs Python.
#[pyfunction]
pub fn record_audit_event(
    audited: &Bound<'_, PyList>,
    name: &Bound<'_, PyString>,
    arguments: &Bound<'_, PyTuple>,
) -> PyResult<()> {
    for entry in audited.to_tuple() {
        let (tracer, patterns): (Bound<'_, Tracer>, Bound<'_, PyList>) = entry.extract()?;
        if tracer.get().records() && is_wanted(name, &patterns)? {
            let text = name.py().get_type::<PyString>();
            let shown: Vec<String> = arguments.iter().map(|argument| shown::text_of(&argument, Some(&text))).collect();
            let args = PyDict::new(name.py());
            args.set_item("args", shown)?;
            event::instant(name, Some(&args), "t");
        }
    }
    Ok(())
}

fn is_wanted(name: &Bound<'_, PyString>, patterns: &Bound<'_, PyList>) -> PyResult<bool> {
    for pattern in patterns.to_tuple() {
        if !pattern.call_method1("fullmatch", (name,))?.is_none() {
            return Ok(true);
        }
    }
    Ok(patterns.is_empty())
}
