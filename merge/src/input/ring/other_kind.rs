//! What a file is that is no ring file, for a clearer message.

use crate::error::Problem;
use viztracer_format::FormatError;

/// The problem of a file whose header is not good, by its first bytes.
pub fn problem(error: FormatError, begin: &[u8]) -> Problem {
    match (error, kind(begin)) {
        (FormatError::Magic, Some(kind)) => {
            Problem::new(format!("{kind}; only ring files (.bin) and traces in JSON can be merged"))
        }
        (FormatError::Magic, None) => Problem::at(0, "not a ring file: it does not begin with VIZRING"),
        (error, _) => error.into(),
    }
}

/// The kind of a file that begins with these bytes, as far as that is clear.
fn kind(begin: &[u8]) -> Option<&'static str> {
    let text = begin.strip_prefix("\u{feff}".as_bytes()).unwrap_or(begin).trim_ascii_start();
    let begins = |word: &[u8]| text.get(..word.len()).is_some_and(|first| first.eq_ignore_ascii_case(word));
    let is_text = begin.contains(&b'\n') && !begin.iter().any(|byte| matches!(byte, 0..=8 | 14..=31));
    Some(match begin {
        // A packet of a Perfetto trace: field 1, with its length.
        [0x0a, ..] if !is_text => "a trace of Perfetto's (.pftrace)",
        [b'P', b'A', b'R', b'1', ..] => "a table in Parquet (.parquet)",
        _ if begins(b"<!doctype html") || begins(b"<html") => {
            "a page, which can only save its trace as a file in JSON (Save)"
        }
        _ if begins(b"pid,process,function,") => "a table of functions (.csv)",
        _ if is_text => "a text, such as a program, and not a ring file",
        _ => return None,
    })
}
