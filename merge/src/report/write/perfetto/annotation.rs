//! Arguments of events as debug annotations.

use super::fields::{debug_annotation as annotation, track_event};
use super::wire::{Message, put_bytes, put_double, put_message, put_number};
use serde_json::{Map, Value};

/// The arguments of an event.
pub fn put_arguments(event: &mut Message, arguments: &Map<String, Value>) {
    for (name, value) in arguments {
        put_message(event, track_event::debug_annotations, |message| put_entry(message, name, value));
    }
}

/// An argument that is a number.
pub fn put_count(event: &mut Message, name: &str, count: u64) {
    put_message(event, track_event::debug_annotations, |message| {
        put_bytes(message, annotation::name, name);
        put_number(message, annotation::uint_value, count);
    });
}

/// An argument that is a word.
pub fn put_word(event: &mut Message, name: &str, word: &str) {
    put_message(event, track_event::debug_annotations, |message| {
        put_bytes(message, annotation::name, name);
        put_bytes(message, annotation::string_value, word);
    });
}

/// An argument that is true.
pub fn put_true(event: &mut Message, name: &str) {
    put_message(event, track_event::debug_annotations, |message| {
        put_bytes(message, annotation::name, name);
        put_number(message, annotation::bool_value, 1);
    });
}

fn put_entry(message: &mut Message, name: &str, value: &Value) {
    put_bytes(message, annotation::name, name);
    put_value(message, value);
}

/// Protobuf has no null: such an annotation has a name and no value, and Perfetto shows it as little as that of a JSON.
fn put_value(message: &mut Message, value: &Value) {
    match value {
        Value::Null => {}
        Value::Bool(value) => put_number(message, annotation::bool_value, (*value).into()),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(value), _) => put_number(message, annotation::int_value, value as u64),
            (_, Some(value)) => put_number(message, annotation::uint_value, value),
            _ => put_double(message, annotation::double_value, number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => put_bytes(message, annotation::string_value, text),
        Value::Array(values) => {
            for value in values {
                put_message(message, annotation::array_values, |message| put_value(message, value));
            }
        }
        Value::Object(entries) => {
            for (name, value) in entries {
                put_message(message, annotation::dict_entries, |message| put_entry(message, name, value));
            }
        }
    }
}
