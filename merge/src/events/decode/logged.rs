//! OTHER records: events of the Chrome trace format, whose members are their payloads.

use super::Payload;
use crate::chrome::event::ChromeEvent;
use serde_json::value::RawValue;
use viztracer_format::record::Kind;

/// How an OTHER event is shown: its kind, and what it carries. It is a call that returned if its phase is `X` and
/// `may_be_call`, else an instant. `text` is for the members.
#[cold]
pub(super) fn shown<'a>(
    payload: Option<Payload<'a>>,
    may_be_call: bool,
    text: &'a mut Vec<u8>,
) -> (Kind, Option<Payload<'a>>) {
    let Some(Payload::Bytes(json)) = payload else { return (Kind::Instant, payload) };
    let Some(event) = event(json) else { return (Kind::Instant, payload) };
    text.clear();
    let is_call = may_be_call && event.phase == b"\"X\"";
    match is_call {
        true => event.members_of_call(text),
        false => event.members(text),
    }
    (if is_call { Kind::Return } else { Kind::Instant }, Some(Payload::Members(text)))
}

/// The event in a payload, if it is an object with a phase.
fn event(json: &[u8]) -> Option<ChromeEvent<'_>> {
    serde_json::from_slice::<&RawValue>(json).ok()?;
    let (event, _) = ChromeEvent::read(json).ok()?;
    (event.phase.len() > 2 && event.phase.starts_with(b"\"")).then_some(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_without_a_phase_stay_payloads() {
        for json in [&b"[]"[..], b"{\"name\":\"a\"}", b"{\"ph\":1}", b"{\"ph\":\"\"}", b"{\"ph\":\"i\"", b"", b"\xff"] {
            let mut text = Vec::new();
            let (kind, payload) = shown(Some(Payload::Bytes(json)), true, &mut text);
            assert!(kind == Kind::Instant && matches!(payload, Some(Payload::Bytes(bytes)) if bytes == json));
        }
        let mut text = Vec::new();
        assert!(matches!(shown(Some(Payload::Overwritten), true, &mut text), (_, Some(Payload::Overwritten))));
    }

    #[test]
    fn a_span_is_a_call_only_if_it_may_be_one() {
        let json = br#" {"ph":"X","tid":5,"name":"n","dur":2,"args":{"a":1},"cat":"c","x":null}"#;
        for (may_be_call, kind, members) in [
            (true, Kind::Return, r#","args":{"a":1},"cat":"c","x":null"#),
            (false, Kind::Instant, r#","ph":"X","cat":"c","name":"n","args":{"a":1},"dur":2,"x":null"#),
        ] {
            let mut text = Vec::new();
            let (shown, payload) = shown(Some(Payload::Bytes(json)), may_be_call, &mut text);
            let Some(Payload::Members(found)) = payload else { panic!("no members") };
            assert_eq!((shown, String::from_utf8_lossy(found)), (kind, members.into()));
        }
    }
}
