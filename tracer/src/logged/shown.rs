//! Arguments and return values as the text that `repr` makes of them.
//!
//! `repr` is the program's code. It runs inside of a hook, where the interpreter raises no events, and what it logs
//! itself is left out ([`is_showing`]). Its exceptions are kept from the program, except those that ask the program to
//! end. A type whose `repr` took long is not asked again; a call of `repr` that is under way cannot be stopped.

use super::json::{Json, digits, text, type_name};
use crate::daemon::sleep_if_thread_ends;
use crate::sync::{Mutex, MutexGuard, lock};
use pyo3::exceptions::{PyException, PyKeyboardInterrupt};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyFloat, PyInt, PyString};
use std::cell::Cell;
use std::time::{Duration, Instant};

/// The longest text of one value, in bytes; the rest is cut.
pub const LENGTH_MAX: usize = 4096;
/// How long `repr` of a value may take before values of its type are not shown any more.
const SLOW: Duration = Duration::from_millis(100);
/// Slow types that are remembered.
const SLOW_TYPES_MAX: usize = 64;
/// The text of a value whose `repr` raises, as VizTracer has it.
const NOT_DISPLAYABLE: &str = "Not Displayable";

/// The addresses of types whose `repr` is slow. They are only compared.
static SLOW_TYPES: Mutex<Vec<usize>> = Mutex::new(Vec::new());

std::thread_local! {
    /// Whether this thread runs a `repr` for us.
    static SHOWING: Cell<bool> = const { Cell::new(false) };
}

/// Whether the calling thread runs a `repr` for us, so that nothing is to be logged.
pub fn is_showing() -> bool {
    SHOWING.try_with(Cell::get).unwrap_or(true)
}

/// Appends what `repr`, or the program's function for that, makes of a value, as a JSON string.
pub fn put_shown(value: &Bound<'_, PyAny>, repr: Option<&Bound<'_, PyAny>>, json: &mut Json) {
    match repr {
        None if put_simple(value, json) => {}
        None if is_scalar(value) => put_repr(value, json),
        _ => guarded(value, repr, json),
    }
}

/// Appends one of the most frequent values, without a string of the interpreter's. Returns false for any other one.
fn put_simple(value: &Bound<'_, PyAny>, json: &mut Json) -> bool {
    let text = if value.is_none() {
        "None"
    } else if let Ok(value) = value.cast_exact::<PyBool>() {
        if value.is_true() { "True" } else { "False" }
    } else if let Ok(value) = value.cast_exact::<PyInt>() {
        let mut overflow = 0;
        // SAFETY: an integer of the built-in type.
        let small = unsafe { ffi::PyLong_AsLongLongAndOverflow(value.as_ptr(), &raw mut overflow) };
        if overflow != 0 {
            return false;
        }
        json.put_string(itoa::Buffer::new().format(small));
        return true;
    } else {
        return false;
    };
    json.put_string(text);
    true
}

/// Whether `repr` of a value is C code that calls nothing of the program's.
fn is_scalar(value: &Bound<'_, PyAny>) -> bool {
    value.is_exact_instance_of::<PyInt>()
        || value.is_exact_instance_of::<PyFloat>()
        || value.is_exact_instance_of::<PyBytes>()
        || value.is_exact_instance_of::<PyString>()
}

fn put_repr(value: &Bound<'_, PyAny>, json: &mut Json) {
    if let Ok(value) = value.cast_exact::<PyInt>() {
        return put_cut(&digits(value).unwrap_or_else(|| NOT_DISPLAYABLE.into()), json);
    }
    match begin(value).repr() {
        Ok(shown) => put_cut(&text(&shown), json),
        Err(_) => json.put_string(NOT_DISPLAYABLE),
    }
}

/// Returns the begin of a long string or of long bytes, whose `repr` would be many times as long; else the value.
fn begin<'py>(value: &Bound<'py, PyAny>) -> Bound<'py, PyAny> {
    let python = value.py();
    if let Ok(bytes) = value.cast_exact::<PyBytes>()
        && let Some(begin) = bytes.as_bytes().get(..LENGTH_MAX)
    {
        return PyBytes::new(python, begin).into_any();
    }
    if let Ok(string) = value.cast_exact::<PyString>()
        && string.len().is_ok_and(|length| length > LENGTH_MAX)
    {
        // SAFETY: a string, which is longer.
        let begin = unsafe { ffi::PyUnicode_Substring(string.as_ptr(), 0, LENGTH_MAX as ffi::Py_ssize_t) };
        // SAFETY: NULL with an exception, or a new reference.
        return unsafe { Bound::from_owned_ptr_or_err(python, begin) }.unwrap_or_else(|_| value.clone());
    }
    value.clone()
}

/// Appends what code of the program makes of a value.
#[cold]
fn guarded(value: &Bound<'_, PyAny>, repr: Option<&Bound<'_, PyAny>>, json: &mut Json) {
    let kind = value.get_type_ptr() as usize;
    if slow_types().contains(&kind) {
        return json.put_string(&format!("<{} object, whose repr is slow>", type_name(value)));
    }
    let begin = Instant::now();
    let was_showing = SHOWING.try_with(|showing| showing.replace(true)).unwrap_or(true);
    let shown = call(value, repr);
    let _ = SHOWING.try_with(|showing| showing.set(was_showing));
    if begin.elapsed() > SLOW {
        remember_slow(kind);
    }
    match shown {
        Ok(shown) => match shown.cast::<PyString>() {
            Ok(shown) => put_cut(&text(shown), json),
            Err(_) => json.put_string(NOT_DISPLAYABLE),
        },
        Err(error) => {
            keep_request(value.py(), &error);
            json.put_string(NOT_DISPLAYABLE);
        }
    }
}

// As in pyo3, except that the end of a thread may unwind through them.
#[allow(clashing_extern_declarations, reason = "pyo3 declares the same functions as never unwinding")]
unsafe extern "C-unwind" {
    fn PyObject_Repr(value: *mut ffi::PyObject) -> *mut ffi::PyObject;
    fn PyObject_CallFunctionObjArgs(callable: *mut ffi::PyObject, ...) -> *mut ffi::PyObject;
}

/// Calls `repr`, or the program's function for that. Nothing that is to be dropped is made before the call returns.
fn call<'py>(value: &Bound<'py, PyAny>, repr: Option<&Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
    let none = std::ptr::null_mut::<ffi::PyObject>();
    let shown = sleep_if_thread_ends(|| match repr {
        // SAFETY: two living objects and the end of the arguments.
        Some(repr) => unsafe { PyObject_CallFunctionObjArgs(repr.as_ptr(), value.as_ptr(), none) },
        // SAFETY: a living object.
        None => unsafe { PyObject_Repr(value.as_ptr()) },
    });
    // SAFETY: NULL with an exception, or a new reference.
    unsafe { Bound::from_owned_ptr_or_err(value.py(), shown) }
}

/// Delivers an interrupt again that hit `repr`: it was meant for the program.
fn keep_request(python: Python<'_>, error: &PyErr) {
    if !error.is_instance_of::<PyException>(python) && error.is_instance_of::<PyKeyboardInterrupt>(python) {
        // SAFETY: sets a flag that the interpreter looks at between instructions.
        unsafe { ffi::PyErr_SetInterrupt() };
    }
}

fn put_cut(text: &str, json: &mut Json) {
    if text.len() <= LENGTH_MAX {
        return json.put_string(text);
    }
    let end = text.floor_char_boundary(LENGTH_MAX);
    json.put_string(&format!("{}... (cut)", &text[..end]));
}

fn slow_types() -> MutexGuard<'static, Vec<usize>> {
    lock(&SLOW_TYPES)
}

fn remember_slow(kind: usize) {
    let mut types = slow_types();
    if types.len() < SLOW_TYPES_MAX && !types.contains(&kind) {
        types.push(kind);
    }
}
