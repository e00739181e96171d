//! The pids and tids of events, which may be any JSON value, and the numbers of their tracks.
//!
//! Viewers need numbers of 32 bits. For larger ones and texts (`140525633128128` in traces of py-spy, `"Spans"` in
//! those of PyTorch) the track gets a number that is free, and the id becomes its name.

use super::string::string;
use serde_json::Value;
use std::collections::HashSet;

/// The id of a process or thread in a document.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Id {
    /// A number that a track can have.
    Number(u32),
    /// Anything else, as it is shown.
    Text(Box<str>),
}

impl Id {
    /// Reads an id; `None` if the value is neither a number nor a text.
    #[inline]
    pub fn of(written: &[u8]) -> Option<Id> {
        match number(written) {
            Some(number) => Some(Id::Number(number)),
            None => Id::of_other(written),
        }
    }

    #[cold]
    fn of_other(written: &[u8]) -> Option<Id> {
        let text = match written.first()? {
            b'"' => string(written)?,
            b'0'..=b'9' | b'-' => {
                let Ok(Value::Number(number)) = serde_json::from_slice(written) else { return None };
                match number.as_f64() {
                    // Such as `7.0`.
                    Some(whole) if whole.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&whole) => {
                        return Some(Id::Number(whole as u32));
                    }
                    _ => String::from_utf8_lossy(written).into_owned(),
                }
            }
            _ => return None,
        };
        Some(number(text.as_bytes()).map_or_else(|| Id::Text(text.into()), Id::Number))
    }

    /// The name of a track with this id that has no other name.
    pub fn name(&self) -> Option<String> {
        match self {
            Id::Number(_) => None,
            Id::Text(text) if text.is_empty() => Some("(empty)".to_owned()),
            Id::Text(text) => Some(text.to_string()),
        }
    }

    /// Bytes of memory that the id takes besides its own size.
    pub fn bytes(&self) -> usize {
        match self {
            Id::Number(_) => 0,
            Id::Text(text) => text.len(),
        }
    }
}

/// A decimal number without anything around it.
#[inline]
fn number(written: &[u8]) -> Option<u32> {
    if matches!(written, [b'0', _, ..]) || written.first().is_none_or(|first| !first.is_ascii_digit()) {
        return None;
    }
    std::str::from_utf8(written).ok()?.parse().ok()
}

/// Whether the value of a member is `null`, which counts as a missing member.
pub fn is_null(written: &[u8]) -> bool {
    written == b"null"
}

/// Above all ids of Linux, and below the numbers of tasks' tracks.
const FIRST_FREE: u32 = 1 << 22;

/// Numbers that no track of a document has.
#[derive(Debug)]
pub struct FreeNumbers {
    taken: HashSet<u32>,
    next: u32,
}

impl FreeNumbers {
    /// All numbers but these.
    pub fn beside(taken: impl Iterator<Item = u32>) -> FreeNumbers {
        FreeNumbers { taken: taken.collect(), next: FIRST_FREE }
    }

    /// The number of an id: its own, or the next free one.
    pub fn number(&mut self, id: &Id) -> u32 {
        match id {
            Id::Number(number) => *number,
            Id::Text(_) => {
                while self.taken.contains(&self.next) {
                    self.next = self.next.wrapping_add(1);
                }
                self.next = self.next.wrapping_add(1);
                self.next.wrapping_sub(1)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_pid_may_be() {
        let text = |text: &str| Some(Id::Text(text.into()));
        for (written, expected) in [
            ("0", Some(Id::Number(0))),
            ("4294967295", Some(Id::Number(u32::MAX))),
            ("4294967296", text("4294967296")),
            ("140525633128128", text("140525633128128")),
            ("99999999999999999999999", text("99999999999999999999999")),
            ("-1", text("-1")),
            ("-0", Some(Id::Number(0))),
            ("7.0", Some(Id::Number(7))),
            ("1e3", Some(Id::Number(1000))),
            ("1.5", text("1.5")),
            ("1e400", None),
            ("007", None),
            ("NaN", None),
            ("true", None),
            ("null", None),
            ("[1]", None),
            ("{}", None),
            ("", None),
            ("\"7\"", Some(Id::Number(7))),
            ("\"007\"", text("007")),
            ("\"+7\"", text("+7")),
            ("\"Spans\"", text("Spans")),
            ("\"\"", text("")),
            (r#""\u0041\ud800""#, text("A\u{fffd}")),
            ("\"\u{7}\"", None),
        ] {
            assert_eq!(Id::of(written.as_bytes()), expected, "{written}");
        }
        assert_eq!(Id::of(b"\"\xff\""), None);
    }

    #[test]
    fn free_numbers_are_nobody_elses() {
        let mut free = FreeNumbers::beside([5, FIRST_FREE, FIRST_FREE + 2].into_iter());
        let ids = ["a", "b", "c"].map(|text| Id::Text(text.into()));
        assert_eq!(ids.map(|id| free.number(&id)), [FIRST_FREE + 1, FIRST_FREE + 3, FIRST_FREE + 4]);
        assert_eq!(free.number(&Id::Number(5)), 5);
    }
}
