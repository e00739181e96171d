//! Python objects as JSON text, without running Python: values of the built-in types, and of types derived from them,
//! are read as the interpreter stores them. Any other value becomes a string that says of which type it is.
//!
//! This is so in what a program logs, which has a limit, and in reports that are written in Python, which have none.
//!
//! JSON has no infinities: these become strings, as does an integer of more digits than readers can hold. Halves of
//! surrogate pairs are written as `\\udc80`, which readers show. In reports they are `\udc80`, which some readers
//! refuse and others read back as they were.

use super::{pair, plain};
use crate::fallible::Text;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple, PyType, PyTypeMethods};
use std::cell::Cell;
use std::fmt::Write as _;

/// Containers in each other at most.
const DEPTH_MAX: usize = 100;
/// Digits of an integer that stays a number.
const DIGITS_MAX: usize = 300;
/// Hexadecimal digits, with sign and prefix, of an integer that is written in base 10. Up to here, no limit on digits
/// applies and the interpreter calculates the digits in C. For longer ones it may run a module of Python.
const DECIMAL_MAX: usize = 512;
/// Bytes of the longest escape.
const ESCAPE_MAX: usize = 6;
/// The longest memory that is kept for the next text, in bytes.
const SPARE_MAX: usize = 1 << 20;
/// Bytes that are kept free for what closes open containers.
const RESERVE: usize = 1024;

std::thread_local! {
    /// The memory of the text that was needed last.
    static SPARE: Cell<String> = const { Cell::new(String::new()) };
}

/// JSON text that grows up to a limit; values that come later say that they were cut.
#[derive(Debug)]
pub struct Json {
    text: String,
    /// Behind this length, values are cut.
    limit: usize,
    /// Whether halves of surrogate pairs are written as `\udc80`.
    has_surrogates: bool,
}

impl Drop for Json {
    fn drop(&mut self) {
        let text = std::mem::take(&mut self.text);
        if text.capacity() == 0 || text.capacity() > SPARE_MAX {
            return;
        }
        let _ = SPARE.try_with(|spare| spare.set(text));
    }
}

impl Json {
    /// An empty text of at most `max` bytes, if only values come behind the last [`Json::put`].
    pub fn new(max: usize) -> Json {
        let mut text = SPARE.try_with(Cell::take).unwrap_or_default();
        text.clear();
        Json::in_memory(text, max)
    }

    /// The same, in this text, which is empty.
    pub fn in_memory(text: String, max: usize) -> Json {
        Json { text, limit: max.saturating_sub(RESERVE).max(256), has_surrogates: false }
    }

    /// The text.
    pub fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// The text, with its memory.
    pub fn into_text(mut self) -> String {
        std::mem::take(&mut self.text)
    }

    /// Appends text as it is.
    pub fn put(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Appends a string in quotes, cut at the limit.
    pub fn put_string(&mut self, string: &str) {
        self.text.push('"');
        let mut left = self.limit.saturating_sub(self.text.len());
        if string.len().saturating_mul(ESCAPE_MAX) <= left {
            self.put_escaped(string);
            return self.text.push('"');
        }
        for (at, char) in string.char_indices() {
            let before = self.text.len();
            self.put_escaped(char.encode_utf8(&mut [0; 4]));
            let taken = self.text.len() - before;
            if taken > left {
                self.text.truncate(before);
                self.put(&format!("... ({} more bytes)", string.len() - at));
                break;
            }
            left -= taken;
        }
        self.text.push('"');
    }

    /// Appends a string with its escapes.
    fn put_escaped(&mut self, string: &str) {
        // SAFETY: the bytes of the string come in their order, with some of ASCII in place of others of ASCII.
        let text = unsafe { self.text.as_mut_vec() };
        let (words, rest) = string.as_bytes().as_chunks();
        for word in words {
            match plain::escaped_in_json(u64::from_le_bytes(*word)) {
                0 => text.extend_from_slice(word),
                _ => word.iter().for_each(|byte| push_escaped(*byte, text)),
            }
        }
        rest.iter().for_each(|byte| push_escaped(*byte, text));
    }

    /// Appends, as [`Json::put_string`] does, the string that a function appends to the text. If the function returns
    /// false, nothing is appended. Most strings stay where the function has written them.
    pub fn put_string_by(&mut self, append: impl FnOnce(&mut String) -> bool) -> bool {
        let before = self.text.len();
        self.text.push('"');
        let begin = self.text.len();
        if !append(&mut self.text) {
            self.text.truncate(before);
            return false;
        }
        let string = self.text.get(begin..).unwrap_or_default();
        if self.text.len() <= self.limit && plain::is_plain(string.as_bytes(), plain::escaped_in_json) {
            self.text.push('"');
        } else {
            let string = string.to_owned();
            self.text.truncate(before);
            self.put_string(&string);
        }
        true
    }

    /// Appends, in quotes, text with the escapes of JSON that a function appends. If the function returns false, or the
    /// text passes the limit, nothing is appended, and this returns false.
    #[inline]
    pub fn put_by(&mut self, append: impl FnOnce(&mut String) -> bool) -> bool {
        let before = self.text.len();
        self.text.push('"');
        let is_put = append(&mut self.text) && self.text.len() <= self.limit;
        match is_put {
            true => self.text.push('"'),
            false => self.text.truncate(before),
        }
        is_put
    }

    /// Appends a string of Python's.
    fn put_text(&mut self, string: &Bound<'_, PyString>) {
        if !self.has_surrogates || string.to_str().is_ok() {
            return self.put_string(&text(string));
        }
        self.text.push('"');
        for index in 0..string.len().unwrap_or(0) {
            // SAFETY: a string, which has this index.
            let code = unsafe { ffi::PyUnicode_ReadChar(string.as_ptr(), index as ffi::Py_ssize_t) };
            match char::from_u32(code) {
                Some(char) => self.put_escaped(char.encode_utf8(&mut [0; 4])),
                None => self.put(&format!("\\u{code:04x}")),
            }
        }
        self.text.push('"');
    }

    /// Appends a value.
    pub fn put_value(&mut self, value: &Bound<'_, PyAny>) {
        self.value(value, &mut Around { addresses: [0; DEPTH_MAX], depth: 0 });
    }

    fn is_full(&self) -> bool {
        self.text.len() >= self.limit
    }

    fn value(&mut self, value: &Bound<'_, PyAny>, around: &mut Around) {
        if self.is_full() {
            return self.put("\"...\"");
        }
        if value.is_none() {
            return self.put("null");
        }
        if let Ok(value) = value.cast::<PyBool>() {
            return self.put(if value.is_true() { "true" } else { "false" });
        }
        if let Ok(value) = value.cast::<PyString>() {
            return self.put_text(value);
        }
        if let Ok(value) = value.cast::<PyInt>() {
            return self.integer(value);
        }
        if let Ok(value) = value.cast::<PyFloat>() {
            return self.put_float(value.value());
        }
        let is_container =
            value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() || value.is_instance_of::<PyDict>();
        if !is_container {
            return self.put_string(&format!("<{} object>", type_name(value)));
        }
        if around.has(value) {
            return self.put_string(&format!("<{} inside of itself>", type_name(value)));
        }
        if !around.push(value) {
            return self.put_string(&format!("<{} in more than {DEPTH_MAX} others>", type_name(value)));
        }
        if let Ok(list) = value.cast::<PyList>() {
            self.elements(list.len(), |index| list.get_item(index).ok(), around);
        } else if let Ok(tuple) = value.cast::<PyTuple>() {
            self.elements(tuple.len(), |index| tuple.get_item(index).ok(), around);
        } else if let Ok(dictionary) = value.cast::<PyDict>() {
            self.dictionary(dictionary, around);
        }
        around.pop();
    }

    fn elements<'py>(
        &mut self,
        count: usize,
        element: impl Fn(usize) -> Option<Bound<'py, PyAny>>,
        around: &mut Around,
    ) {
        self.text.push('[');
        for index in 0..count {
            self.put(if index == 0 { "" } else { "," });
            if self.is_full() {
                self.put(&format!("\"... ({} more)\"", count - index));
                break;
            }
            match element(index) {
                Some(element) => self.value(&element, around),
                None => self.put("null"),
            }
        }
        self.text.push(']');
    }

    fn dictionary(&mut self, dictionary: &Bound<'_, PyDict>, around: &mut Around) {
        self.text.push('{');
        let count = dictionary.len();
        let (mut position, mut index) = (0, 0);
        while let Some((key, value)) = pair::next(dictionary, &mut position) {
            self.put(if index == 0 { "" } else { "," });
            if self.is_full() {
                self.put(&format!("\"...\":\"{} more\"", count.saturating_sub(index)));
                break;
            }
            self.key(&key);
            self.text.push(':');
            self.value(&value, around);
            index += 1;
        }
        self.text.push('}');
    }

    /// A key, which in JSON is a string.
    fn key(&mut self, key: &Bound<'_, PyAny>) {
        if let Ok(key) = key.cast::<PyString>() {
            return self.put_text(key);
        }
        let mut shown = Json { text: String::new(), limit: self.limit, has_surrogates: false };
        match key.is_none() || key.is_instance_of::<PyInt>() || key.is_instance_of::<PyFloat>() {
            true => shown.put_value(key),
            false => shown.put(&format!("<{} object>", type_name(key))),
        }
        self.put_string(shown.text.trim_matches('"'));
    }

    fn integer(&mut self, value: &Bound<'_, PyInt>) {
        let mut overflow = 0;
        // SAFETY: an integer, or of a type derived from it, so no method of the program is called.
        let small = unsafe { ffi::PyLong_AsLongLongAndOverflow(value.as_ptr(), &raw mut overflow) };
        if overflow == 0 {
            return self.put(itoa::Buffer::new().format(small));
        }
        match digits(value) {
            Some(digits) if digits.len() <= DIGITS_MAX => self.put(&digits),
            Some(digits) => self.put_string(&digits),
            None => self.put("\"<int object>\""),
        }
    }

    /// Appends a number; a string, if JSON has no such number.
    pub fn put_float(&mut self, value: f64) {
        if append_plain_float(value, &mut self.text) {
            return;
        }
        if value.is_finite() {
            let _ = write!(self.text, "{value:?}");
            return;
        }
        self.put(match value {
            f64::INFINITY => "\"inf\"",
            f64::NEG_INFINITY => "\"-inf\"",
            _ => "\"nan\"",
        });
    }
}

/// Returns a value as JSON for a report, whatever its length.
#[pyfunction]
pub fn json_of<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyString>> {
    let mut json = Json::new(usize::MAX);
    json.has_surrogates = true;
    json.put_value(value);
    Text(&json.text).into_pyobject(value.py())
}

/// Appends a number that is written without an exponent, as Python's `repr` writes it: the fewest digits that lead back
/// to the number. Returns false for any other number.
pub fn append_plain_float(value: f64, text: &mut String) -> bool {
    let is_plain = value == 0.0 || (1e-4..1e16).contains(&value.abs());
    if is_plain {
        text.push_str(zmij::Buffer::new().format_finite(value));
    }
    is_plain
}

/// Appends a byte of a string, with an escape if it needs one.
#[inline]
fn push_escaped(byte: u8, text: &mut Vec<u8>) {
    match byte {
        b'"' | b'\\' => text.extend([b'\\', byte]),
        b'\n' => text.extend(b"\\n"),
        b'\r' => text.extend(b"\\r"),
        b'\t' => text.extend(b"\\t"),
        ..0x20 => {
            let digit = |digit| b"0123456789abcdef"[usize::from(digit)];
            text.extend([b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 15)]);
        }
        _ => text.push(byte),
    }
}

/// The addresses of the containers around a value.
struct Around {
    addresses: [usize; DEPTH_MAX],
    depth: usize,
}

impl Around {
    fn has(&self, value: &Bound<'_, PyAny>) -> bool {
        self.addresses.iter().take(self.depth).any(|address| *address == value.as_ptr() as usize)
    }

    /// Goes into a container; `false` if there are too many around it.
    fn push(&mut self, value: &Bound<'_, PyAny>) -> bool {
        let Some(address) = self.addresses.get_mut(self.depth) else { return false };
        *address = value.as_ptr() as usize;
        self.depth += 1;
        true
    }

    fn pop(&mut self) {
        self.depth -= 1;
    }
}

/// Returns the digits of an integer: decimal ones, or hexadecimal ones if there are many. The time is linear, and no
/// Python runs.
pub fn digits(value: &Bound<'_, PyInt>) -> Option<String> {
    let in_base = |base| {
        // SAFETY: an integer, or of a type derived from it, so no method of the program is called.
        let text = unsafe { Bound::from_owned_ptr_or_err(value.py(), ffi::PyNumber_ToBase(value.as_ptr(), base)) };
        text.ok()?.cast_into::<PyString>().ok()?.to_str().ok().map(str::to_owned)
    };
    let hexadecimal = in_base(16)?;
    if hexadecimal.len() > DECIMAL_MAX { Some(hexadecimal) } else { in_base(10) }
}

/// A string as UTF-8; halves of surrogate pairs are shown as `\udc80`.
pub fn text<'a>(string: &'a Bound<'_, PyString>) -> std::borrow::Cow<'a, str> {
    if let Ok(text) = string.to_str() {
        return text.into();
    }
    let python = string.py();
    // SAFETY: a string; this error handler is built in.
    let bytes = unsafe {
        let bytes = ffi::PyUnicode_AsEncodedString(string.as_ptr(), c"utf-8".as_ptr(), c"backslashreplace".as_ptr());
        Bound::from_owned_ptr_or_err(python, bytes)
    };
    let bytes = bytes.ok().and_then(|bytes| bytes.cast_into::<PyBytes>().ok());
    bytes.map_or_else(String::new, |bytes| String::from_utf8_lossy(bytes.as_bytes()).into_owned()).into()
}

/// The name of a value's type, as the type's definition has it.
pub fn type_name(value: &Bound<'_, PyAny>) -> String {
    name_of_type(&value.get_type()).into_owned()
}

/// The name of a type, as its definition has it.
pub fn name_of_type<'a>(kind: &'a Bound<'_, PyType>) -> std::borrow::Cow<'a, str> {
    // SAFETY: a type's name is a string that lives as long as the type.
    unsafe { std::ffi::CStr::from_ptr((*kind.as_type_ptr()).tp_name) }.to_string_lossy()
}
