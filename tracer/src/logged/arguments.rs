//! The arguments of a Python function that has just been entered, and what it returns: members of its call's `args`.

use super::json::Json;
use super::{options, shown};
#[cfg(not(Py_3_12))]
use crate::fallible::Text;
use crate::function::{ArgumentName, Code};
#[cfg(Py_3_12)]
use crate::imported::from_interpreter;
use crate::preserve::preserving_exception;
use pyo3::Borrowed;
use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use pyo3::types::PyString;

/// The key of the arguments, as VizTracer has it.
pub const FUNC_ARGS: &[u8] = b"\"func_args\"";
/// The key of the return value.
pub const RETURN_VALUE: &[u8] = b"\"return_value\"";
/// The begin of an object with that key.
const RETURN_VALUE_BEGIN: &str = "{\"return_value\":";

#[cfg(Py_3_12)]
from_interpreter! {
    /// Include/cpython/pyframe.h: reads a variable of a frame, without making a dictionary of all of them.
    fn PyFrame_GetVar(frame: *mut ffi::PyFrameObject, name: *mut PyObject) -> *mut PyObject;
}

/// Returns the arguments with which the running function was called, as a JSON object of texts, of at most `max` bytes.
/// Runs Python. `is_hook_in_python` is true if the interpreter has called the hook as a function of Python. After such
/// a hook, an interpreter before 3.13 takes the variables of the frame from the dictionary that it made of them, so the
/// dictionary must stay whole.
pub fn arguments(code: Code, max: usize, is_hook_in_python: bool) -> Option<Json> {
    preserving_exception(|python| {
        let names = code.argument_names()?;
        let repr = options::repr(python);
        let repr = repr.as_ref().map(|repr| repr.bind(python));
        let mut json = Json::new(max);
        json.put("{");
        if !names.is_empty() {
            let variables = Variables::of_running(python, code)?;
            let mut is_first = true;
            for ArgumentName { name, key } in &*names {
                let Some(value) = variables.get(name.bind(python)) else { continue };
                json.put(if is_first { "" } else { "," });
                is_first = false;
                json.put(key);
                shown::put_shown(&value, repr, &mut json);
            }
            if !is_hook_in_python {
                variables.forget(code);
            }
        }
        json.put("}");
        Some(json)
    })
}

/// Puts what a function returns, yields or raises into an empty text, as a JSON object with this one member, if that
/// takes nothing but a look. Runs no Python, and leaves an exception alone that is under way. Returns false for any
/// other value.
///
/// # Safety
/// `value` must be a living object, and the GIL must be held.
#[inline]
pub unsafe fn put_return_value_at_once(value: *mut PyObject, max: usize, text: &mut String) -> bool {
    if options::has_repr() {
        return false;
    }
    // SAFETY: the caller promises it.
    let value = unsafe { Borrowed::from_ptr(Python::assume_attached(), value) };
    let mut json = Json::in_memory(std::mem::take(text), max);
    json.put(RETURN_VALUE_BEGIN);
    let is_shown = shown::put_at_once(&value, &mut json);
    json.put("}");
    *text = json.into_text();
    is_shown
}

/// Returns what a function returns, yields or raises, as a JSON object with this one member. Runs Python.
///
/// # Safety
/// `value` must be a living object, and the GIL must be held.
pub unsafe fn return_value(value: *mut PyObject, max: usize) -> Json {
    // SAFETY: the caller promises it.
    let value = unsafe { Bound::from_borrowed_ptr(Python::assume_attached(), value) };
    let mut json = Json::new(max);
    json.put(RETURN_VALUE_BEGIN);
    if put_repr(&value, &mut json).is_none() {
        json.put("null");
    }
    json.put("}");
    json
}

fn put_repr(value: &Bound<'_, PyAny>, json: &mut Json) -> Option<()> {
    preserving_exception(|python| {
        let repr = options::repr(python);
        shown::put_shown(value, repr.as_ref().map(|repr| repr.bind(python)), json);
        Some(())
    })
}

/// The variables of the running frame.
struct Variables<'py> {
    #[cfg(Py_3_12)]
    frame: Bound<'py, pyo3::types::PyFrame>,
    #[cfg(not(Py_3_12))]
    locals: Bound<'py, pyo3::types::PyDict>,
}

impl<'py> Variables<'py> {
    fn of_running(python: Python<'py>, code: Code) -> Option<Variables<'py>> {
        // SAFETY: the GIL is held; NULL or a living frame, borrowed.
        let frame = unsafe { Bound::from_borrowed_ptr_or_opt(python, ffi::PyEval_GetFrame().cast()) }?;
        let frame = frame.cast_into::<pyo3::types::PyFrame>().ok()?;
        if !code.is_run_by(&frame) {
            return None;
        }
        #[cfg(Py_3_12)]
        return Some(Variables { frame });
        #[cfg(not(Py_3_12))]
        return Some(Variables { locals: frame.getattr(Text("f_locals")).ok()?.cast_into().ok()? });
    }

    fn get(&self, name: &Bound<'py, PyString>) -> Option<Bound<'py, PyAny>> {
        #[cfg(Py_3_12)]
        {
            let python = name.py();
            // SAFETY: a living frame and a string.
            let value = unsafe { PyFrame_GetVar(self.frame.as_ptr().cast(), name.as_ptr()) };
            // SAFETY: NULL with an exception, or a new reference.
            unsafe { Bound::from_owned_ptr_or_err(python, value) }.ok()
        }
        #[cfg(not(Py_3_12))]
        self.locals.get_item(name).ok().flatten()
    }

    /// Empties the dictionary of the variables, unless it is one of a module or a class. Before 3.12, a frame keeps the
    /// dictionary, and with it the values that the function deletes. A function that has just begun has not used the
    /// dictionary yet. A generator that resumes may have.
    fn forget(self, _code: Code) {
        #[cfg(not(Py_3_12))]
        if _code.has_own_locals() && !_code.may_resume() {
            self.locals.clear();
        }
    }
}
