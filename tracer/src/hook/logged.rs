//! The hooks' work at Python functions whose arguments or return values are logged.
//!
//! `repr` shows the values, and it is the program's code. So each function here asks for what it needs, runs Python,
//! and then looks up everything anew.

use crate::due;
use crate::function::{Code, EXCLUDED};
use crate::greenlets;
use crate::logged::arguments;
use crate::thread::{calls, current, task};
use pyo3::ffi::PyObject;
use pyo3::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};
use viztracer_format::record::Kind;
use viztracer_recorder::Left;

/// Whether tasks are distinguished.
static TASKS: AtomicBool = AtomicBool::new(false);

/// Sets whether tasks are distinguished. Each installation of a hook calls it.
pub fn distinguish_tasks(tasks: bool) {
    TASKS.store(tasks, Ordering::Relaxed);
}

/// Whether tasks are distinguished, and one may begin with this code.
pub fn is_of_task(code: Code) -> bool {
    TASKS.load(Ordering::Relaxed) && code.is_async()
}

/// Records that a Python function is entered, with its arguments. Returns false if the function is excluded. Runs
/// Python. `is_hook_in_python` is as in [`arguments::arguments`].
#[cold]
pub fn enter(python: Python<'_>, code: Code, is_hook_in_python: bool) -> bool {
    if !current::is_recording(python) {
        return true;
    }
    if greenlets::id_of_running(python, code) == EXCLUDED {
        return false;
    }
    let json = calls::payload_max_of_next(python).and_then(|max| arguments::arguments(code, max, is_hook_in_python));
    if is_of_task(code) {
        task::enter(python, code);
    } else if current::is_recording(python) {
        let id = code.id();
        if id != EXCLUDED {
            calls::enter(python, id, code.tag());
        }
    }
    if let Some(json) = json {
        calls::attach(python, code.tag(), arguments::FUNC_ARGS, json.as_bytes());
    }
    true
}

/// Records that a Python function is left with this value, or with NULL if there is none. Returns false if the function
/// is excluded. Runs Python.
///
/// # Safety
/// `value` must be NULL or a living object.
#[inline(never)]
pub unsafe fn leave(python: Python<'_>, code: Code, value: *mut PyObject, kind: Kind) -> bool {
    let put = |max, text: &mut String| {
        // SAFETY: the caller promises a living object unless it is NULL; `python` proves that the GIL is held.
        !value.is_null() && unsafe { arguments::put_return_value_at_once(value, max, text) }
    };
    // SAFETY: `put` runs no Python.
    let left = match unsafe { calls::end_at_once(python, code.tag(), kind, arguments::RETURN_VALUE, put) } {
        Some(left) => left,
        // SAFETY: as the caller promises.
        None => match unsafe { leave_slowly(python, code, value, kind) } {
            Ok(left) => left,
            Err(is_included) => return is_included,
        },
    };
    if is_of_task(code) {
        task::leave(python, kind != Kind::Yield);
    }
    if left == Left::Due {
        due::act();
    }
    true
}

/// Does the same for a value that takes more than a look, and for a call without a value, or one that is not wanted.
/// Returns what [`leave`] does if nothing more is to be done.
///
/// # Safety
/// `value` must be NULL or a living object.
#[cold]
#[inline(never)]
unsafe fn leave_slowly(python: Python<'_>, code: Code, value: *mut PyObject, kind: Kind) -> Result<Left, bool> {
    let is_due = if let Some(ending) = (!value.is_null()).then(|| calls::ending(python, code.tag())).flatten() {
        // SAFETY: the caller promises a living object; `python` proves that the GIL is held.
        let json = unsafe { arguments::return_value(value, ending.payload_max) };
        // Other threads may have elided the function meanwhile, which has ended the call.
        if current::is_recording(python) && code.id() != EXCLUDED {
            calls::end_with(python, code.tag(), kind, ending.now, (arguments::RETURN_VALUE, json.as_bytes()));
        }
        calls::take_due(python)
    } else {
        match calls::leave(python, code.tag(), kind) {
            None => return Err(true),
            Some(Left::Unmatched) if code.id() == EXCLUDED => return Err(false),
            Some(Left::Unmatched) => calls::unwind_to(python, code.tag(), kind),
            Some(left) => return Ok(left),
        }
    };
    Ok(if is_due { Left::Due } else { Left::Recorded })
}
