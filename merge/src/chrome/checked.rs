//! Whether every reader of a report can read a JSON text. The text is parsed as `serde_json` parses a value, but without
//! making one: that takes most of the time.

use super::value::is_too_deep;
use serde_core::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Whether a text is a value that every reader can read.
pub fn is_readable(json: &[u8]) -> bool {
    parsed(json).is_some()
}

/// Whether a text is an object that every reader can read.
pub fn is_readable_object(json: &[u8]) -> bool {
    matches!(parsed(json), Some(Parsed::Object))
}

fn parsed(json: &[u8]) -> Option<Parsed> {
    serde_json::from_slice(json).ok().filter(|_| !is_too_deep(json))
}

/// What a value was.
enum Parsed {
    Object,
    Other,
}

impl<'de> Deserialize<'de> for Parsed {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Parsed, D::Error> {
        from.deserialize_any(Parser)
    }
}

struct Parser;

impl<'de> Visitor<'de> for Parser {
    type Value = Parsed;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Parsed, E> {
        Ok(Parsed::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Parsed, E> {
        Ok(Parsed::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Parsed, E> {
        Ok(Parsed::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Parsed, E> {
        Ok(Parsed::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Parsed, E> {
        Ok(Parsed::Other)
    }

    fn visit_str<E>(self, _: &str) -> Result<Parsed, E> {
        Ok(Parsed::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Parsed, A::Error> {
        while values.next_element::<Parsed>()?.is_some() {}
        Ok(Parsed::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Parsed, A::Error> {
        while members.next_entry::<Parsed, Parsed>()?.is_some() {}
        Ok(Parsed::Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn agrees(json: &[u8]) -> bool {
        let value = serde_json::from_slice::<Value>(json).ok().filter(|_| !is_too_deep(json));
        let is_object = value.as_ref().is_some_and(Value::is_object);
        is_readable(json) == value.is_some() && is_readable_object(json) == is_object
    }

    #[test]
    fn what_is_read_is_what_serde_json_reads() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let texts = [
            "",
            "{",
            "{}",
            " {\"a\":[1,-1,1.5,true,null,\"\\n\"]} ",
            "{\"a\":1,\"a\":2}",
            "{\"a\"}",
            "{1:2}",
            "[]",
            "[1,]",
            "1e999",
            "-0",
            "01",
            "\"\\ud800\"",
            "\"\\ud83d\\ude00\"",
            "\"\u{1}\"",
            "nul",
            "1 2",
            "18446744073709551616",
        ];
        for text in texts.map(String::from).into_iter().chain([1, 110, 111, 127, 128, 200].map(nested)) {
            assert!(agrees(text.as_bytes()), "{text}");
        }
        assert!(agrees(b"{\"\xff\":1}") && agrees(b"[\"\xff\"]"));
        assert!(is_readable_object(b"{}") && is_readable(b"[]") && !is_readable_object(b"[]") && !is_readable(b""));
    }

    proptest! {
        #[test]
        fn any_text_is_read_as_serde_json_reads_it(json in "[\\[\\]{},:\"\\\\0-9eu.a-d -]{0,12}") {
            prop_assert!(agrees(json.as_bytes()), "{json}");
        }
    }
}
