//! Values of the program as text: arguments and return values of calls, variables, arguments of audit events.
//!
//! The text is what `repr` makes of a value, or another function, and that may be the program's code. In a hook, the
//! interpreter raises no events while it runs; elsewhere, the thread is paused. What it logs itself is left out
//! ([`is_showing`]). Its exceptions are kept from the program, except those for the program ([`interruption`]). A type
//! whose text took long is not asked again; a call that is under way cannot be stopped.

use super::contents;
use super::interruption;
use super::json::{Json, digits, text, type_name};
use super::options;
use crate::daemon::sleep_if_thread_ends;
use crate::sync::{Mutex, lock};
use crate::thread::current;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::string::PyStringData;
use pyo3::types::{PyBool, PyBytes, PyFloat, PyInt, PyString, PyType, PyWeakrefMethods, PyWeakrefReference};
use std::cell::Cell;
use std::time::{Duration, Instant};

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

/// Takes a text.
type Put<'a> = &'a mut dyn FnMut(&str);

/// Whether the calling thread runs a `repr` for us, so that nothing is to be logged.
pub fn is_showing() -> bool {
    SHOWING.try_with(Cell::get).unwrap_or(true)
}

/// Appends what `repr`, or the program's function for that, makes of a value, as a JSON string.
pub fn put_shown(value: &Bound<'_, PyAny>, repr: Option<&Bound<'_, PyAny>>, json: &mut Json) {
    show(value, repr, &mut |text| json.put_string(text));
}

/// Returns a value as text, cut behind as many bytes as the option `bytes_per_value` says. The calls that it takes are
/// not recorded, and none of their exceptions is raised.
#[pyfunction]
#[pyo3(signature = (value, describe = None))]
pub fn text_of(value: &Bound<'_, PyAny>, describe: Option<&Bound<'_, PyAny>>) -> String {
    if is_showing() {
        return NOT_DISPLAYABLE.into(); // and nothing will be logged
    }
    let mut shown = String::new();
    if put_at_hand(value, describe, &mut |text| shown.push_str(text)) {
        return shown;
    }
    current::pause();
    show(value, describe, &mut |text| shown.push_str(text));
    current::resume();
    shown
}

/// Puts what `repr` or `str` makes of one of the most frequent values, which calls nothing. Returns false for any other
/// value or function.
fn put_at_hand(value: &Bound<'_, PyAny>, describe: Option<&Bound<'_, PyAny>>, put: Put<'_>) -> bool {
    match describe {
        None => put_simple(value, put),
        Some(describe) if !describe.is(value.py().get_type::<PyString>()) => false,
        Some(_) => match value.cast_exact::<PyString>() {
            Ok(value) => {
                put_cut(&text(value), put);
                true
            }
            Err(_) => put_simple(value, put),
        },
    }
}

/// Puts the text of a value. Returns false if that was interrupted, so that the program wants to go on elsewhere.
fn show(value: &Bound<'_, PyAny>, repr: Option<&Bound<'_, PyAny>>, put: Put<'_>) -> bool {
    // `str` of a container is its `repr`.
    let repr = repr.filter(|repr| !contents::is_container(value) || !repr.is(value.py().get_type::<PyString>()));
    match repr {
        None if put_simple(value, put) => true,
        None if is_scalar(value) => {
            put_repr(value, put);
            true
        }
        None if contents::is_container(value) => {
            put_cut(&contents::of(value, &show_element), put);
            true
        }
        _ => guarded(value, repr, put),
    }
}

/// Appends the text of a value in a container, as [`show`] does.
fn show_element(value: &Bound<'_, PyAny>, text: &mut String) -> bool {
    let mut put = |shown: &str| text.push_str(shown);
    if contents::is_container(value) { guarded(value, None, &mut put) } else { show(value, None, &mut put) }
}

/// Appends the `repr` of a value, as a JSON string, if that takes nothing but a look: it runs no Python, and leaves an
/// exception alone that is under way. Returns false for any other value.
pub fn put_at_once(value: &Bound<'_, PyAny>, json: &mut Json) -> bool {
    put_simple(value, &mut |text| json.put_string(text))
}

/// Puts one of the most frequent values, without a string of the interpreter's. Returns false for any other one.
fn put_simple(value: &Bound<'_, PyAny>, put: Put<'_>) -> bool {
    if let Ok(value) = value.cast_exact::<PyInt>() {
        let mut overflow = 0;
        // SAFETY: an integer of the built-in type.
        let small = unsafe { ffi::PyLong_AsLongLongAndOverflow(value.as_ptr(), &raw mut overflow) };
        if overflow == 0 {
            put_cut(itoa::Buffer::new().format(small), put);
        }
        return overflow == 0;
    }
    if let Ok(value) = value.cast_exact::<PyString>() {
        return put_plain_string(value, put);
    }
    let text = if value.is_none() {
        "None"
    } else if let Ok(value) = value.cast_exact::<PyBool>() {
        if value.is_true() { "True" } else { "False" }
    } else {
        return false;
    };
    put_cut(text, put);
    true
}

/// Puts a string whose `repr` is its text in single quotes. Returns false for any other one.
fn put_plain_string(string: &Bound<'_, PyString>, put: Put<'_>) -> bool {
    // SAFETY: the string does not change, and its layout is that of a CPython version which PyO3 knows.
    let Ok(PyStringData::Ucs1(characters)) = (unsafe { string.data() }) else {
        return false;
    };
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~') && *byte != b'\'' && *byte != b'\\';
    if characters.len() > options::bytes_per_value() || !characters.iter().all(is_plain) {
        return false;
    }
    let Ok(text) = str::from_utf8(characters) else { return false };
    put_cut(&["'", text, "'"].concat(), put);
    true
}

/// Whether `repr` of a value is C code that calls nothing of the program's.
fn is_scalar(value: &Bound<'_, PyAny>) -> bool {
    value.is_exact_instance_of::<PyInt>()
        || value.is_exact_instance_of::<PyFloat>()
        || value.is_exact_instance_of::<PyBytes>()
        || value.is_exact_instance_of::<PyString>()
}

fn put_repr(value: &Bound<'_, PyAny>, put: Put<'_>) {
    if let Ok(value) = value.cast_exact::<PyInt>() {
        return put_cut(&digits(value).unwrap_or_else(|| NOT_DISPLAYABLE.into()), put);
    }
    match begin(value).repr() {
        Ok(shown) => put_cut(&text(&shown), put),
        Err(_) => put(NOT_DISPLAYABLE),
    }
}

/// Returns the begin of a long string or of long bytes, whose `repr` would be many times as long; else the value.
fn begin<'py>(value: &Bound<'py, PyAny>) -> Bound<'py, PyAny> {
    let python = value.py();
    let max = options::bytes_per_value();
    if let Ok(bytes) = value.cast_exact::<PyBytes>()
        && bytes.as_bytes().len() > max
    {
        return PyBytes::new(python, &bytes.as_bytes()[..max]).into_any();
    }
    if let Ok(string) = value.cast_exact::<PyString>()
        && string.len().is_ok_and(|length| length > max)
    {
        // SAFETY: a string, which is longer.
        let begin = unsafe { ffi::PyUnicode_Substring(string.as_ptr(), 0, max as ffi::Py_ssize_t) };
        // SAFETY: NULL with an exception, or a new reference.
        return unsafe { Bound::from_owned_ptr_or_err(python, begin) }.unwrap_or_else(|_| value.clone());
    }
    value.clone()
}

/// Puts what code of the program makes of a value. Returns false if that was interrupted.
#[cold]
fn guarded(value: &Bound<'_, PyAny>, repr: Option<&Bound<'_, PyAny>>, put: Put<'_>) -> bool {
    let kind = value.get_type();
    if is_slow(&kind) {
        put(&format!("<{} object, whose repr is slow>", type_name(value)));
        return true;
    }
    let begin = Instant::now();
    let was_showing = SHOWING.try_with(|showing| showing.replace(true)).unwrap_or(true);
    // What the program has made dies in here, too: that may run its code.
    let goes_on = put_called(value, repr, put);
    let _ = SHOWING.try_with(|showing| showing.set(was_showing));
    if begin.elapsed() > SLOW {
        remember_slow(&kind);
    }
    goes_on
}

fn put_called(value: &Bound<'_, PyAny>, repr: Option<&Bound<'_, PyAny>>, put: Put<'_>) -> bool {
    match call(value, repr) {
        Ok(shown) => match shown.cast::<PyString>() {
            Ok(shown) => put_cut(&text(shown), put),
            Err(_) => put(NOT_DISPLAYABLE),
        },
        Err(error) => {
            put(NOT_DISPLAYABLE);
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

fn put_cut(text: &str, put: Put<'_>) {
    let max = options::bytes_per_value();
    if text.len() <= max {
        return put(text);
    }
    let end = text.floor_char_boundary(max);
    put(&format!("{}... (cut)", &text[..end]));
}

fn is_slow(kind: &Bound<'_, PyType>) -> bool {
    lock(&SLOW_TYPES).iter().any(|slow| slow.bind(kind.py()).upgrade().is_some_and(|slow| slow.is(kind)))
}

fn remember_slow(kind: &Bound<'_, PyType>) {
    let python = kind.py();
    if let Ok(kind) = PyWeakrefReference::new(kind) {
        let mut types = lock(&SLOW_TYPES);
        types.retain(|slow| slow.bind(python).upgrade().is_some());
        if types.len() < SLOW_TYPES_MAX {
            types.push(kind.unbind());
        }
    }
}
