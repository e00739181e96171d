//! Events that came as JSON and are neither calls nor of a kind that a ring file knows.

use super::annotation::put_arguments;
use super::fields::{legacy_event, track_event};
use super::sequence::{Encoder, File};
use super::wire::{Message, put_bytes, put_message, put_number};
use crate::events::decode::{Event, Members};
use crate::report::write::text::Text;

impl Encoder {
    /// Appends an event that came as JSON.
    #[cold]
    pub(super) fn foreign(&mut self, file: &File<'_>, event: &Event<'_>, json: &[u8], text: &mut Text) {
        let mut members = Members::of(json);
        let arguments = members.arguments();
        match members.phase() {
            "C" => self.counters(file, event.start, members.text("name"), &arguments, text),
            "M" => {}
            // Spans, begins and ends that nest with no calls have no slice.
            "i" | "I" | "R" | "X" | "B" | "E" => self.packets.put_fields(event.start, text, |message| {
                put_number(message, track_event::r#type, track_event::TYPE_INSTANT);
                put_name(&members, message);
                put_arguments(message, &arguments);
            }),
            phase => {
                let Some(phase) = phase.bytes().next() else { return };
                self.packets.put_fields(event.start, text, |message| {
                    put_name(&members, message);
                    put_arguments(message, &arguments);
                    put_message(message, track_event::legacy_event, |legacy| {
                        put_number(legacy, legacy_event::phase, phase.into());
                        put_number(legacy, legacy_event::unscoped_id, members.id());
                        if members.text("bp") == "e" {
                            put_number(legacy, legacy_event::bind_to_enclosing, 1);
                        }
                    });
                });
            }
        }
    }
}

fn put_name(members: &Members, message: &mut Message) {
    let category = members.text("cat");
    if !category.is_empty() {
        put_bytes(message, track_event::categories, category);
    }
    put_bytes(message, track_event::name, members.text("name"));
}
