//! The arguments of events as JSON.

use crate::events::decode::Payload;
use serde_core::de::IgnoredAny;
use serde_json::{Map, Value};

/// Flags of a call's end, and the arguments that stand for them in a trace in JSON.
const FLAGS: [(&str, u8); 5] = [("unfinished", 1), ("raised", 2), ("abandoned", 4), ("clipped", 8), ("inherited", 16)];

/// Splits the arguments of a call into flags and other arguments.
pub fn arguments_of_call(payload: &Payload<'_>) -> (u8, Map<String, Value>) {
    let mut arguments = payload.arguments();
    let mut flags = 0;
    for (name, flag) in FLAGS {
        if arguments.get(name) == Some(&Value::Bool(true)) {
            arguments.shift_remove(name);
            flags |= flag;
        }
    }
    (flags, arguments)
}

/// The text of an object that is the payload of a record: as the traced program wrote it, if it wrote an object.
pub fn text_of_bytes(bytes: &[u8]) -> String {
    let is_object = bytes.trim_ascii_start().starts_with(b"{") && serde_json::from_slice::<IgnoredAny>(bytes).is_ok();
    match std::str::from_utf8(bytes) {
        Ok(text) if is_object => text.to_owned(),
        _ => Value::Object(Payload::Bytes(bytes).arguments()).to_string(),
    }
}
