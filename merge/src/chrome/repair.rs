//! Events that are not JSON, though it is clear what they mean.

use super::value::ValueScanner;

/// The text of an event as its writer meant it, if that is clear, and what was wrong with it.
#[cold]
pub fn repaired(text: &[u8]) -> Option<(Vec<u8>, &'static str)> {
    if std::str::from_utf8(text).is_err() {
        let text = String::from_utf8_lossy(text).into_owned().into_bytes();
        return Some((with_nulls(&text).unwrap_or(text), "text that is no UTF-8, replaced by \u{fffd}"));
    }
    Some((with_nulls(text)?, "numbers that JSON does not have, replaced by null"))
}

/// Replaces `NaN` and infinities, which Python writes and JSON does not have, by `null`; `None` if there are none.
fn with_nulls(text: &[u8]) -> Option<Vec<u8>> {
    let mut repaired = Vec::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let string = ValueScanner::default().end(rest).filter(|_| rest[0] == b'"');
        let name = [&b"NaN"[..], b"-Infinity", b"Infinity"].into_iter().find(|name| rest.starts_with(name));
        let (taken, put) = match (string, name) {
            (Some(length), _) => (length, &rest[..length]),
            (_, Some(name)) => (name.len(), &b"null"[..]),
            _ => (1, &rest[..1]),
        };
        repaired.extend_from_slice(put);
        rest = &rest[taken..];
    }
    (repaired != text).then_some(repaired)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_numbers_that_json_does_not_have() {
        let meant = |text: &[u8]| repaired(text).map(|(text, _)| String::from_utf8(text).unwrap());
        assert_eq!(meant(b"{\"name\":\"\xffNaN\"}").unwrap(), "{\"name\":\"\u{fffd}NaN\"}");
        assert_eq!(
            meant(br#"{"args":{"NaN":NaN,"b":[-Infinity,Infinity,"\"NaN"]}}"#).unwrap(),
            r#"{"args":{"NaN":null,"b":[null,null,"\"NaN"]}}"#
        );
        assert_eq!(meant(br#"{"args":{"a":01,"b":"NaN"}}"#), None);
    }
}
