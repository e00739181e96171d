//! OTHER records: events of the Chrome trace format, whose members are their payloads.

use crate::chrome::checked::is_readable;
use crate::chrome::event::ChromeEvent;
use viztracer_format::record::Kind;

/// Reads the event in a payload, and puts its further members into `text`. Returns how it is shown: as a call that
/// returned if its phase is `X` and `may_be_call`, else as an instant. `None`: the payload is no event.
#[cold]
pub(super) fn read(json: &[u8], may_be_call: bool, text: &mut Vec<u8>) -> Option<Kind> {
    let event = event(json)?;
    text.clear();
    if may_be_call && event.phase == b"\"X\"" {
        event.members_of_call(text);
        return Some(Kind::Return);
    }
    event.members(text);
    Some(Kind::Instant)
}

/// The event in a payload, if it is an object with a phase, and one that every reader of a report can read: its text is
/// put there as it is.
fn event(json: &[u8]) -> Option<ChromeEvent<'_>> {
    if !is_readable(json) {
        return None;
    }
    let (event, _) = ChromeEvent::read(json).ok()?;
    (event.phase.len() > 2 && event.phase.starts_with(b"\"")).then_some(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_phase_is_no_event() {
        for json in ["[]", r#"{"name":"a"}"#, r#"{"ph":1}"#, r#"{"ph":""}"#, r#"{"ph":"i""#, ""] {
            assert_eq!(read(json.as_bytes(), true, &mut Vec::new()), None, "{json}");
        }
        assert_eq!(read(b"{\"ph\":\"\xff\"}", true, &mut Vec::new()), None);
        for args in [r#""\ud800""#, "1e999", &format!("{}{}", "[".repeat(110), "]".repeat(110))] {
            assert_eq!(read(format!("{{\"ph\":\"i\",\"args\":{args}}}").as_bytes(), true, &mut Vec::new()), None);
        }
    }

    #[test]
    fn a_span_is_a_call_only_if_it_may_be_one() {
        let json = br#" {"ph":"X","tid":5,"name":"n","dur":2,"args":{"a":1},"cat":"c","x":null}"#;
        for (may_be_call, kind, members) in [
            (true, Kind::Return, r#","args":{"a":1},"cat":"c","x":null"#),
            (false, Kind::Instant, r#","ph":"X","cat":"c","name":"n","args":{"a":1},"dur":2,"x":null"#),
        ] {
            let mut text = Vec::new();
            assert_eq!(read(json, may_be_call, &mut text), Some(kind));
            assert_eq!(String::from_utf8_lossy(&text), members);
        }
    }
}
