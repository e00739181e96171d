//! The call of `exec` that the trace shows around the program, as VizTracer's traces do.

use crate::function::{Builtin, EXCLUDED};
use crate::thread::{calls, current};
use pyo3::prelude::*;
use pyo3::types::PyCFunction;
use viztracer_format::record::Kind;
use viztracer_recorder::Left;

/// Runs the program inside of a call of `exec`, or with `show` false without one.
pub fn within<T>(python: Python<'_>, show: bool, program: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
    if !show {
        return program();
    }
    let exec = python.import("builtins")?.getattr("exec")?;
    let Ok(exec) = exec.cast::<PyCFunction>() else { return program() };
    // SAFETY: a C function, which `exec` keeps alive; `python` proves that the GIL is held.
    let function = unsafe { Builtin::of_c_function(exec.as_ptr()) };
    enter(python, function);
    let done = program();
    leave(python, function, if done.is_ok() { Kind::Return } else { Kind::Raise });
    done
}

fn enter(python: Python<'_>, function: Builtin) {
    // First, since it may run Python: the id belongs to the recording that goes on then.
    if !current::is_recording(python) {
        return;
    }
    let id = function.id();
    if id != EXCLUDED {
        calls::enter(python, id, function.tag());
    }
}

fn leave(python: Python<'_>, function: Builtin, kind: Kind) {
    if calls::leave(python, function.tag(), kind) == Some(Left::Unmatched) {
        calls::unwind_to(python, function.tag(), kind);
    }
}
