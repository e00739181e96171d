//! Events that came as JSON and are neither calls nor of a kind that a ring file knows.

use super::annotation::put_arguments;
use super::fields::{legacy_event, track_event};
use super::sequence::{Encoder, File};
use super::wire::{put_bytes, put_message, put_number};
use crate::decode::Moment;
use crate::write::text::Text;
use serde_json::{Map, Value};

/// Their members.
struct Event {
    members: Map<String, Value>,
}

/// The arguments of an event with these members.
pub fn arguments(members: &[u8]) -> Map<String, Value> {
    Event::of(members).arguments()
}

impl Encoder {
    /// Appends an event that came as JSON.
    #[cold]
    pub(super) fn foreign(&mut self, file: &File<'_>, moment: &Moment<'_>, members: &[u8], text: &mut Text) {
        let mut event = Event::of(members);
        let arguments = event.arguments();
        match event.phase() {
            "C" => self.counters(file, moment.start, event.text("name"), &arguments, text),
            "M" => {}
            "i" | "I" | "R" => self.packets.put_fields(moment.start, text, |message| {
                put_number(message, track_event::r#type, track_event::TYPE_INSTANT);
                event.put_name(message);
                put_arguments(message, &arguments);
            }),
            phase => {
                let Some(phase) = phase.bytes().next() else { return };
                self.packets.put_fields(moment.start, text, |message| {
                    event.put_name(message);
                    put_arguments(message, &arguments);
                    put_message(message, track_event::legacy_event, |legacy| {
                        put_number(legacy, legacy_event::phase, phase.into());
                        put_number(legacy, legacy_event::unscoped_id, event.id());
                        if event.text("bp") == "e" {
                            put_number(legacy, legacy_event::bind_to_enclosing, 1);
                        }
                    });
                });
            }
        }
    }
}

impl Event {
    fn of(members: &[u8]) -> Event {
        let object = [b"{", members.strip_prefix(b",").unwrap_or(members), b"}"].concat();
        Event { members: serde_json::from_slice(&object).unwrap_or_default() }
    }

    fn arguments(&mut self) -> Map<String, Value> {
        match self.members.remove("args") {
            Some(Value::Object(arguments)) => arguments,
            Some(Value::Null) | None => Map::new(),
            Some(value) => Map::from_iter([("value".to_owned(), value)]),
        }
    }

    fn text(&self, member: &str) -> &str {
        self.members.get(member).and_then(Value::as_str).unwrap_or_default()
    }

    fn phase(&self) -> &str {
        self.text("ph")
    }

    fn put_name(&self, message: &mut super::wire::Message) {
        let category = self.text("cat");
        if !category.is_empty() {
            put_bytes(message, track_event::categories, category);
        }
        put_bytes(message, track_event::name, self.text("name"));
    }

    /// What events that belong together have in common: a number, or text that is one or is made one (FNV-1a).
    fn id(&self) -> u64 {
        let number = |text: &str| match text.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).ok(),
            None => text.parse().ok(),
        };
        let hash = |text: &str| {
            text.bytes()
                .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
        };
        match self.members.get("id") {
            Some(Value::String(text)) => number(text).unwrap_or_else(|| hash(text)),
            Some(Value::Number(number)) => number.as_u64().unwrap_or(0),
            _ => 0,
        }
    }
}
