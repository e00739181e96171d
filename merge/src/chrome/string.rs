//! Strings in JSON text.

use serde_json::{Map, Value};

/// Reads a JSON string; `None` if the value is none.
pub fn string(value: &[u8]) -> Option<String> {
    serde_json::from_slice(value).ok().or_else(|| serde_json::from_slice(&without_lone_surrogates(value)).ok())
}

/// Replaces lone surrogates in a JSON string: Python writes them for bytes of file names that are no text.
#[cold]
fn without_lone_surrogates(value: &[u8]) -> Vec<u8> {
    let surrogate = |at: usize| {
        let digits = value.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let mut text = value.to_vec();
    let mut at = 0;
    while at < text.len() {
        at += match (surrogate(at), surrogate(at + 6)) {
            (Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => 12,
            (Some(0xd800..0xe000), _) => {
                text[at + 2..at + 6].copy_from_slice(b"fffd");
                6
            }
            _ if value[at] == b'\\' => 2,
            _ => 1,
        };
    }
    text
}

/// Reads the string that an object has under this name.
pub fn string_in(object: &[u8], name: &str) -> Option<String> {
    let object: Map<String, Value> = serde_json::from_slice(object).ok()?;
    Some(object.get(name)?.as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lone_surrogates_are_replaced() {
        for (written, expected) in [
            (r#""a\ud800""#, "a\u{fffd}"),
            (r#""a\\ud800""#, "a\\ud800"),
            (r#""\udc80b\ud83d\ude42\ud83d""#, "\u{fffd}b🙂\u{fffd}"),
        ] {
            assert_eq!(string(written.as_bytes()).as_deref(), Some(expected), "{written}");
        }
        assert_eq!(string(br#""\ud8"#), None);
        assert_eq!(string(b"5"), None);
    }
}
