//! What an event that came as JSON has beside the usual.

use memchr::memmem;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::collections::HashMap;
use viztracer_format::record::Kind;

/// Arguments of our reports that stand for the kind of a call's record.
const ENDINGS: [(&str, Kind); 2] = [("unfinished", Kind::Open), ("raised", Kind::Raise)];

/// The argument of a call whose end was never seen.
pub const MARK_ABANDONED: &str = "abandoned";
/// The argument of a call of which only a part was selected.
pub const MARK_CLIPPED: &str = "clipped";
/// The argument of a call that began in the parent process.
pub const MARK_INHERITED: &str = "inherited";
/// Arguments with which our reports mark calls. If they are `true`, they are not the program's.
pub const CALL_MARKS: [&str; 5] = ["unfinished", "raised", MARK_ABANDONED, MARK_CLIPPED, MARK_INHERITED];

/// Its further members.
#[derive(Debug)]
pub struct EventMembers(Map<String, Value>);

impl EventMembers {
    /// Out of their text, each with a comma before it.
    pub fn of(members: &[u8]) -> EventMembers {
        let object = [b"{", members.strip_prefix(b",").unwrap_or(members), b"}"].concat();
        EventMembers(serde_json::from_slice(&object).unwrap_or_else(|_| piecemeal(&object).unwrap_or_default()))
    }

    /// Takes the arguments; what is no object becomes the value of one.
    pub fn arguments(&mut self) -> Map<String, Value> {
        match self.0.remove("args") {
            Some(Value::Object(arguments)) => arguments,
            Some(Value::Null) | None => Map::new(),
            Some(value) => Map::from_iter([("value".to_owned(), value)]),
        }
    }

    /// How a call ended, if its arguments say so, as those of our own reports do.
    pub fn ending(members: &[u8]) -> Option<Kind> {
        let occurs = |(name, _): &(&str, Kind)| memmem::find(members, name.as_bytes()).is_some();
        if !ENDINGS.iter().any(occurs) {
            return None;
        }
        let arguments = EventMembers::of(members).arguments();
        ENDINGS.iter().find(|(name, _)| arguments.get(*name) == Some(&Value::Bool(true))).map(|(_, kind)| *kind)
    }

    /// A member that is text.
    pub fn text(&self, member: &str) -> &str {
        self.0.get(member).and_then(Value::as_str).unwrap_or_default()
    }

    /// What kind of event it is.
    pub fn phase(&self) -> &str {
        self.text("ph")
    }

    /// What events that belong together have in common: a number, or text that is one or is made one (FNV-1a).
    pub fn id(&self) -> u64 {
        let number = |text: &str| match text.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).ok(),
            None => text.parse().ok(),
        };
        let hash = |text: &str| {
            text.bytes()
                .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
        };
        match self.id_value() {
            Some(Value::String(text)) => number(text).unwrap_or_else(|| hash(text)),
            Some(Value::Number(number)) => number.as_u64().unwrap_or(0),
            _ => 0,
        }
    }

    /// That, if it is text, as it was written.
    pub fn id_text(&self) -> Option<&str> {
        self.id_value()?.as_str()
    }

    /// `id`, or what `id2` says of one process or of all.
    fn id_value(&self) -> Option<&Value> {
        self.0.get("id").or_else(|| {
            let id = self.0.get("id2")?;
            id.get("local").or_else(|| id.get("global"))
        })
    }
}

/// The members of an object, of which some are more than a value can hold (`1e999`, or a hundred lists in each other):
/// these are shown as the text that they are, and of arguments only the ones that are so.
#[cold]
fn piecemeal(object: &[u8]) -> Option<Map<String, Value>> {
    let members: Map<String, Value> = serde_json::from_slice::<HashMap<String, &RawValue>>(object)
        .ok()?
        .into_iter()
        .map(|(name, value)| {
            let text = value.get();
            let inside = || if name == "args" { piecemeal(text.as_bytes()).map(Value::Object) } else { None };
            let known = serde_json::from_str(text).ok().or_else(inside);
            (name, known.unwrap_or_else(|| text.into()))
        })
        .collect();
    Some(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_value_can_hold_is_text() {
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        let text = format!(r#","ph":"i","args":{{"a":1e999,"b":2,"args":{deep}}}"#);
        let mut members = EventMembers::of(text.as_bytes());
        assert_eq!(members.phase(), "i");
        let arguments = members.arguments();
        assert_eq!((&arguments["a"], &arguments["b"], &arguments["args"]), (&"1e999".into(), &2.into(), &deep.into()));
    }
}
