//! The `repr` of strings and bytes of the built-in types, as the interpreter makes it, but no more than is shown of it.

use super::{options, plain};
use crate::imported::from_interpreter;
use pyo3::prelude::*;
use pyo3::types::string::PyStringData;
use pyo3::types::{PyBytes, PyString};
use std::ffi::c_int;
use std::fmt::Write as _;

/// Bytes of the longest escape of a byte.
const ESCAPE_MAX: usize = 4;

from_interpreter! {
    /// Include/cpython/unicodeobject.h: whether `repr` shows a character as it is. Reads a table.
    fn _PyUnicode_IsPrintable(character: u32) -> c_int;
}

/// Appends the `repr` of a string, or only its begin, which is then longer than any text that is shown. Returns false
/// for a string that has no text yet, which only an interpreter before 3.12 makes.
pub fn append_string(string: &Bound<'_, PyString>, text: &mut String) -> bool {
    // SAFETY: the string does not change, and its layout is that of a CPython version which PyO3 knows.
    match unsafe { string.data() } {
        Ok(PyStringData::Ucs1(characters)) => append_bytes_of(shown(characters), is_printable, text),
        Ok(PyStringData::Ucs2(characters)) => append_quoted(shown(characters), is_printable, text),
        Ok(PyStringData::Ucs4(characters)) => append_quoted(shown(characters), is_printable, text),
        Err(_) => return false,
    }
    true
}

/// Appends the `repr` of a string with the escapes of JSON, if it is short or has nothing to escape. Returns false for
/// any other string.
#[inline]
pub fn append_string_for_json(string: &Bound<'_, PyString>, text: &mut String) -> bool {
    // SAFETY: as above.
    let Ok(PyStringData::Ucs1(characters)) = (unsafe { string.data() }) else { return false };
    append_for_json(characters, is_printable, text)
}

/// The same for bytes.
#[inline]
pub fn append_bytes_for_json(bytes: &Bound<'_, PyBytes>, text: &mut String) -> bool {
    let begin = text.len();
    text.push('b');
    let is_appended = append_for_json(bytes.as_bytes(), |_| false, text);
    if !is_appended {
        text.truncate(begin);
    }
    is_appended
}

#[inline]
fn append_for_json(bytes: &[u8], is_printable: impl Fn(u32) -> bool, text: &mut String) -> bool {
    // Behind the quotes, and the letter of bytes, this is left.
    let max = options::bytes_per_value().saturating_sub(3);
    let is_plain = plain::is_plain(bytes, escaped);
    if is_plain && bytes.len() <= max {
        text.push('\'');
        push_ascii(bytes, text);
        text.push('\'');
        return true;
    }
    if bytes.len() > max / ESCAPE_MAX {
        return false;
    }
    let quote = quote_of_bytes(bytes);
    let shown_quote = if quote == '"' { "\\\"" } else { "'" };
    text.push_str(shown_quote);
    for bytes in bytes.chunks(8) {
        match bytes.first_chunk() {
            Some(word) if escaped(u64::from_le_bytes(*word)) == 0 => push_ascii(word, text),
            _ => bytes.iter().for_each(|byte| append_byte_for_json(*byte, quote, &is_printable, text)),
        }
    }
    text.push_str(shown_quote);
    true
}

/// A number that is 0 if none of eight bytes needs an escape in a `repr` in JSON.
fn escaped(word: u64) -> u64 {
    plain::escaped_in_repr(word) | plain::escaped_in_json(word)
}

/// Does what [`append_character`] does, with the escapes of JSON.
#[inline]
fn append_byte_for_json(byte: u8, quote: char, is_printable: impl Fn(u32) -> bool, text: &mut String) {
    let char = char::from(byte);
    match char {
        '\t' => text.push_str("\\\\t"),
        '\n' => text.push_str("\\\\n"),
        '\r' => text.push_str("\\\\r"),
        '\\' => text.push_str("\\\\\\\\"),
        '"' => text.push_str("\\\""), // never in quotes of this kind
        '\'' if quote == '\'' => text.push_str("\\\\'"),
        ' '..='~' => text.push(char),
        '\u{80}'.. if is_printable(byte.into()) => text.push(char),
        _ => {
            text.push_str("\\\\x");
            text.extend([byte >> 4, byte & 15].map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)])));
        }
    }
}

/// Appends the `repr` of bytes, or only its begin, as [`append_string`] does.
pub fn append_bytes(bytes: &Bound<'_, PyBytes>, text: &mut String) {
    text.push('b');
    append_bytes_of(shown(bytes.as_bytes()), |_| false, text);
}

/// The characters that are shown at most, and one more: so the text is too long if there are more.
fn shown<T>(characters: &[T]) -> &[T] {
    characters.get(..=options::bytes_per_value()).unwrap_or(characters)
}

fn is_printable(character: u32) -> bool {
    // SAFETY: takes any number.
    unsafe { _PyUnicode_IsPrintable(character) != 0 }
}

/// Appends bytes, each a character, in quotes: up to a little more than is shown.
fn append_bytes_of(bytes: &[u8], is_printable: impl Fn(u32) -> bool, text: &mut String) {
    if plain::is_plain(bytes, plain::escaped_in_repr) {
        text.push('\'');
        push_ascii(bytes, text);
        return text.push('\'');
    }
    let end = text.len().saturating_add(options::bytes_per_value());
    let quote = quote_of_bytes(bytes);
    text.push(quote);
    for bytes in bytes.chunks(8) {
        if text.len() > end {
            break;
        }
        match bytes.first_chunk() {
            Some(word) if plain::escaped_in_repr(u64::from_le_bytes(*word)) == 0 => push_ascii(word, text),
            _ => bytes.iter().for_each(|byte| append_character((*byte).into(), quote, &is_printable, text)),
        }
    }
    text.push(quote);
}

/// Appends bytes none of which is escaped in a `repr`.
fn push_ascii(plain: &[u8], text: &mut String) {
    // SAFETY: all others than those of ASCII are escaped.
    text.push_str(unsafe { str::from_utf8_unchecked(plain) });
}

/// Appends characters in quotes, up to a little more than is shown.
fn append_quoted<T: Copy + Into<u32>>(characters: &[T], is_printable: impl Fn(u32) -> bool, text: &mut String) {
    let end = text.len().saturating_add(options::bytes_per_value());
    let quote = quote(characters);
    text.push(quote);
    for character in characters {
        if text.len() > end {
            break;
        }
        append_character((*character).into(), quote, &is_printable, text);
    }
    text.push(quote);
}

/// The quotes that `repr` puts around characters.
fn quote<T: Copy + Into<u32>>(characters: &[T]) -> char {
    let has = |quote: char| characters.iter().any(|character| (*character).into() == u32::from(quote));
    if has('\'') && !has('"') { '"' } else { '\'' }
}

/// The same for bytes, of which several are looked at together.
fn quote_of_bytes(bytes: &[u8]) -> char {
    if bytes.contains(&b'\'') && !bytes.contains(&b'"') { '"' } else { '\'' }
}

#[inline]
fn append_character(code: u32, quote: char, is_printable: impl Fn(u32) -> bool, text: &mut String) {
    // Half of a surrogate pair is no `char`, and not printable.
    match char::from_u32(code) {
        Some('\t') => text.push_str("\\t"),
        Some('\n') => text.push_str("\\n"),
        Some('\r') => text.push_str("\\r"),
        Some(char) if char == quote || char == '\\' => text.extend(['\\', char]),
        Some(char) if matches!(char, ' '..='~') || (code > 0x7f && is_printable(code)) => text.push(char),
        _ => {
            let _ = match code {
                0..0x100 => write!(text, "\\x{code:02x}"),
                0x100..0x1_0000 => write!(text, "\\u{code:04x}"),
                _ => write!(text, "\\U{code:08x}"),
            };
        }
    }
}
