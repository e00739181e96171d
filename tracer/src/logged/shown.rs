//! Values of the program as text: arguments and return values of calls, variables, arguments of audit events.
//!
//! The text is what `repr` makes of a value, or another function, and that may be the program's code. In a hook, the
//! interpreter raises no events while it runs; elsewhere, the thread is paused. What it logs itself is left out
//! ([`is_showing`]). Its exceptions are kept from the program, except those for the program ([`interruption`]). A type
//! whose text took long is not asked again; a call that is under way cannot be stopped.

use super::interruption;
use super::json::{self, Json};
use super::{contents, default};
use super::{options, quoted};
use crate::daemon::sleep_if_thread_ends;
use crate::sync::{Mutex, lock};
use crate::system::coarse_time;
use crate::thread::current;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyFloat, PyInt, PyString, PyType, PyWeakrefMethods, PyWeakrefReference};
use std::cell::Cell;
use std::fmt::Write as _;
use std::time::Duration;

/// How long a value may take before values of its type are not shown any more.
const SLOW: Duration = Duration::from_millis(100);
/// Slow types that are remembered.
const SLOW_TYPES_MAX: usize = 64;
/// The text of a value whose `repr` raises, as VizTracer has it.
const NOT_DISPLAYABLE: &str = "Not Displayable";

/// Weak references to the types whose values are slow.
static SLOW_TYPES: Mutex<Vec<Py<PyWeakrefReference>>> = Mutex::new(Vec::new());

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
    if repr.is_none() && json.put_by(|text| append_for_json(value, text)) {
        return;
    }
    json.put_string_by(|text| {
        show(value, repr, text);
        true
    });
}

/// Returns a value as text, cut behind as many bytes as the option `bytes_per_value` says. The calls that it takes are
/// not recorded, and none of their exceptions is raised.
#[pyfunction]
#[pyo3(signature = (value, describe = None))]
pub fn text_of(value: &Bound<'_, PyAny>, describe: Option<&Bound<'_, PyAny>>) -> String {
    let mut text = String::new();
    append_text_of(value, describe, &mut text);
    text
}

/// Appends what [`text_of`] returns.
pub fn append_text_of(value: &Bound<'_, PyAny>, describe: Option<&Bound<'_, PyAny>>, text: &mut String) {
    if is_showing() {
        return text.push_str(NOT_DISPLAYABLE); // and nothing will be logged
    }
    if append_at_hand(value, describe, text) {
        return;
    }
    current::pause();
    show(value, describe, text);
    current::resume();
}

/// Appends what `repr` or `str` makes of one of the most frequent values, which calls nothing. Returns false for any
/// other value or function.
fn append_at_hand(value: &Bound<'_, PyAny>, describe: Option<&Bound<'_, PyAny>>, text: &mut String) -> bool {
    match describe {
        None => append_simple(value, text),
        Some(describe) if !describe.is(value.py().get_type::<PyString>()) => false,
        Some(_) => match value.cast_exact::<PyString>() {
            Ok(string) => {
                append_string(&begin(string), text);
                true
            }
            Err(_) => {
                let begin = text.len();
                let is_plain = append_plain(value, text); // of which `str` is `repr`
                cut(text, begin);
                is_plain
            }
        },
    }
}

/// Appends the text of a value. Returns false if that was interrupted, so that the program wants to go on elsewhere.
fn show(value: &Bound<'_, PyAny>, repr: Option<&Bound<'_, PyAny>>, text: &mut String) -> bool {
    // `str` of a container is its `repr`.
    let repr = repr.filter(|repr| !contents::is_container(value) || !repr.is(value.py().get_type::<PyString>()));
    match repr {
        None if contents::is_container(value) => {
            let begin = text.len();
            contents::append(value, text, &show_element);
            cut(text, begin);
            true
        }
        None if append_simple(value, text) => true,
        None if append_number(value, text) => true,
        _ => guarded(value, repr, text),
    }
}

/// Appends the `repr` of an object or a class without one of its own. Returns false for any other value.
fn append_default(value: &Bound<'_, PyAny>, text: &mut String) -> bool {
    let begin = text.len();
    let is_default = default::append_any(value, text);
    cut(text, begin);
    is_default
}

/// Appends the text of a value in a container, as [`show`] does.
fn show_element(value: &Bound<'_, PyAny>, text: &mut String) -> bool {
    if contents::is_container(value) { guarded(value, None, text) } else { show(value, None, text) }
}

/// Appends the `repr` of a value, as a JSON string, if that takes nothing but a look: it runs no Python, and leaves an
/// exception alone that is under way. Returns false for any other value.
#[inline]
pub fn put_at_once(value: &Bound<'_, PyAny>, json: &mut Json) -> bool {
    json.put_by(|text| append_for_json(value, text)) || json.put_string_by(|text| append_simple(value, text))
}

/// Appends what [`append_plain`] does for most values, with the escapes of JSON. Returns false for any other value.
#[inline]
fn append_for_json(value: &Bound<'_, PyAny>, text: &mut String) -> bool {
    if let Ok(value) = value.cast_exact::<PyString>() {
        return quoted::append_string_for_json(value, text);
    }
    if let Ok(value) = value.cast_exact::<PyBytes>() {
        return quoted::append_bytes_for_json(value, text);
    }
    let begin = text.len();
    let is_short = append_short(value, text);
    cut(text, begin);
    is_short
}

/// Appends a short number or a constant. Returns false for any other value.
#[inline]
fn append_short(value: &Bound<'_, PyAny>, text: &mut String) -> bool {
    if let Ok(value) = value.cast_exact::<PyInt>() {
        let mut overflow = 0;
        // SAFETY: an integer of the built-in type.
        let small = unsafe { ffi::PyLong_AsLongLongAndOverflow(value.as_ptr(), &raw mut overflow) };
        if overflow == 0 {
            text.push_str(itoa::Buffer::new().format(small));
        }
        return overflow == 0;
    }
    if let Ok(value) = value.cast_exact::<PyFloat>() {
        return json::append_plain_float(value.value(), text);
    }
    if value.is_none() {
        text.push_str("None");
    } else if let Ok(value) = value.cast_exact::<PyBool>() {
        text.push_str(if value.is_true() { "True" } else { "False" });
    } else {
        return false;
    }
    true
}

/// Appends one of the most frequent values, without a string of the interpreter's. Runs no Python. Returns false for any
/// other value.
fn append_simple(value: &Bound<'_, PyAny>, text: &mut String) -> bool {
    let begin = text.len();
    let is_simple = append_plain(value, text)
        || default::append_static(value, text)
        || default::append_exception(value, append_plain, text);
    cut(text, begin);
    is_simple
}

/// Appends a string, bytes, a short number or a constant. Returns false for any other value. The caller cuts the text.
#[inline]
fn append_plain(value: &Bound<'_, PyAny>, text: &mut String) -> bool {
    if let Ok(value) = value.cast_exact::<PyString>() {
        return quoted::append_string(value, text);
    }
    if let Ok(value) = value.cast_exact::<PyBytes>() {
        quoted::append_bytes(value, text);
        return true;
    }
    append_short(value, text)
}

/// Appends a number whose `repr` is C code that calls nothing of the program's. Returns false for any other value.
fn append_number(value: &Bound<'_, PyAny>, text: &mut String) -> bool {
    if let Ok(value) = value.cast_exact::<PyInt>() {
        append_cut(&json::digits(value).unwrap_or_else(|| NOT_DISPLAYABLE.into()), text);
    } else if value.is_exact_instance_of::<PyFloat>() {
        match value.repr() {
            Ok(shown) => append_cut(&json::text(&shown), text),
            Err(_) => text.push_str(NOT_DISPLAYABLE),
        }
    } else {
        return false;
    }
    true
}

/// Appends what should be a string.
fn append_string(shown: &Bound<'_, PyAny>, text: &mut String) {
    match shown.cast::<PyString>() {
        Ok(shown) => append_cut(&json::text(shown), text),
        Err(_) => text.push_str(NOT_DISPLAYABLE),
    }
}

/// Returns the begin of a long string, which is too long to be shown, too; else the string. The rest would take time and
/// memory for nothing: the interpreter keeps the UTF-8 of a string as long as the string.
fn begin<'py>(string: &Bound<'py, PyString>) -> Bound<'py, PyAny> {
    let max = options::bytes_per_value();
    if string.len().is_ok_and(|length| length > max) {
        // SAFETY: a string, which is longer.
        let begin = unsafe { ffi::PyUnicode_Substring(string.as_ptr(), 0, max as ffi::Py_ssize_t + 1) };
        // SAFETY: NULL with an exception, or a new reference.
        let begin = unsafe { Bound::from_owned_ptr_or_err(string.py(), begin) };
        return begin.unwrap_or_else(|_| string.clone().into_any());
    }
    string.clone().into_any()
}

/// Appends what code of the program makes of a value. Returns false if that was interrupted.
#[cold]
fn guarded(value: &Bound<'_, PyAny>, repr: Option<&Bound<'_, PyAny>>, text: &mut String) -> bool {
    let kind = value.get_type();
    if is_slow(&kind) {
        let _ = write!(text, "<{} object, whose repr is slow>", json::type_name(value));
        return true;
    }
    let begin = coarse_time();
    let was_showing = SHOWING.try_with(|showing| showing.replace(true)).unwrap_or(true);
    // What the program has made dies in here, too: that may run its code.
    let goes_on = append_called(value, repr, text);
    let _ = SHOWING.try_with(|showing| showing.set(was_showing));
    if coarse_time().saturating_sub(begin) > SLOW {
        remember_slow(&kind);
    }
    goes_on
}

fn append_called(value: &Bound<'_, PyAny>, repr: Option<&Bound<'_, PyAny>>, text: &mut String) -> bool {
    if repr.is_none() && append_default(value, text) {
        return true;
    }
    match call(value, repr) {
        Ok(shown) => append_string(&shown, text),
        Err(error) => {
            text.push_str(NOT_DISPLAYABLE);
            return !interruption::pass_on(value.py(), error);
        }
    }
    true
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

fn append_cut(shown: &str, text: &mut String) {
    let begin = text.len();
    text.push_str(shown);
    cut(text, begin);
}

/// Cuts what stands behind `begin`, if it is too long.
fn cut(text: &mut String, begin: usize) {
    let end = begin + options::bytes_per_value();
    if text.len() > end {
        text.truncate(text.floor_char_boundary(end));
        text.push_str("... (cut)");
    }
}

fn is_slow(kind: &Bound<'_, PyType>) -> bool {
    let python = kind.py();
    // Not under the lock: a type that is asked for may die with the answer.
    let slow: Vec<_> = lock(&SLOW_TYPES).iter().map(|slow| slow.clone_ref(python)).collect();
    slow.iter().any(|slow| slow.bind(python).upgrade().is_some_and(|slow| slow.is(kind)))
}

fn remember_slow(kind: &Bound<'_, PyType>) {
    let python = kind.py();
    if let Ok(kind) = PyWeakrefReference::new(kind) {
        let mut types = std::mem::take(&mut *lock(&SLOW_TYPES));
        types.retain(|slow| slow.bind(python).upgrade().is_some());
        types.push(kind.unbind());
        let rest = {
            let mut known = lock(&SLOW_TYPES);
            known.extend(types);
            let kept = known.len().min(SLOW_TYPES_MAX);
            known.split_off(kept)
        };
        drop(rest); // not under the lock: weak references die
    }
}
