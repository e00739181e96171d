//! Python functions whose arguments or return values are logged: what both hooks do then.
//!
//! Values are shown by `repr`, which is the program's code. So each function here asks for what it needs, runs Python,
//! and then looks for the recorder anew.

use crate::function::{Code, EXCLUDED};
use crate::logged::{arguments, options};
use crate::thread::current;
use crate::thread::task;
use pyo3::ffi::PyObject;
use std::sync::atomic::{AtomicBool, Ordering};
use viztracer_format::record::Kind;
use viztracer_recorder::{Earlier, Left};

/// Whether tasks are told apart.
static TASKS: AtomicBool = AtomicBool::new(false);

/// Whether anything is logged of calls; asked when the hook is installed.
pub fn prepare(tasks: bool) -> bool {
    TASKS.store(tasks, Ordering::Relaxed);
    options::arguments() || options::return_values()
}

fn is_of_task(code: Code) -> bool {
    TASKS.load(Ordering::Relaxed) && code.is_coroutine()
}

/// A Python function's span begins. `false`: the function is excluded. `is_hook_in_python`: the interpreter called the
/// hook as a function of Python, see [`arguments::arguments`].
#[cold]
pub fn enter(code: Code, is_hook_in_python: bool) -> bool {
    if !current::is_recording() {
        return true;
    }
    if code.id_of_running() == EXCLUDED {
        return false;
    }
    // SAFETY: a hook, which only reads numbers.
    let recorder = unsafe { current::recorder() };
    let max = recorder.filter(|recorder| !recorder.is_full_depth()).map(|recorder| recorder.payload_max());
    let json = max.filter(|_| options::arguments()).and_then(|max| arguments::arguments(code, max, is_hook_in_python));
    if is_of_task(code) {
        task::enter(code);
    } else if current::is_recording() {
        let id = code.id();
        // SAFETY: a hook; `enter` runs no Python and keeps the GIL.
        if let Some(recorder) = unsafe { current::recorder() }.filter(|_| id != EXCLUDED) {
            recorder.enter(id, code.tag());
        }
    }
    // SAFETY: a hook; `attach` runs no Python and keeps the GIL.
    if let (Some(json), Some(recorder)) = (json, unsafe { current::recorder() })
        && recorder.is_innermost(code.tag())
    {
        recorder.attach(arguments::FUNC_ARGS, json.as_bytes(), Earlier::Replaced);
    }
    true
}

/// A Python function's span ends with this value, or with NULL if there is none. `false`: the function is excluded.
///
/// # Safety
/// `value` must be NULL or a living object.
#[cold]
pub unsafe fn leave(code: Code, value: *mut PyObject, kind: Kind) -> bool {
    // SAFETY: a hook, which reads numbers and does not use the recorder after Python has run.
    let Some(recorder) = (unsafe { current::recorder() }) else { return true };
    let now = recorder.ticks();
    if options::return_values() && !value.is_null() && recorder.is_wanted(code.tag(), now) {
        let max = recorder.payload_max();
        // SAFETY: the caller promises a living object.
        let json = unsafe { arguments::return_value(value, max) };
        attach_to_ended(code, json.as_ref().map_or(b"null", |json| json.as_bytes()), kind, now);
    } else if recorder.leave(code.tag(), kind) == Left::Unmatched {
        if code.id() == EXCLUDED {
            return false;
        }
        // SAFETY: a hook; `unwind_to` runs no Python and keeps the GIL.
        if let Some(recorder) = unsafe { current::recorder() } {
            recorder.unwind_to(code.tag(), kind);
        }
    }
    if is_of_task(code) {
        task::leave(kind != Kind::Yield);
    }
    true
}

fn attach_to_ended(code: Code, json: &[u8], kind: Kind, now: u64) {
    if !current::is_recording() {
        return;
    }
    // SAFETY: a hook; nothing here runs Python or gives up the GIL.
    let Some(recorder) = (unsafe { current::recorder() }) else { return };
    if recorder.is_innermost(code.tag()) {
        recorder.attach(arguments::RETURN_VALUE, json, Earlier::Replaced);
    }
    recorder.unwind_at(code.tag(), kind, now);
}
