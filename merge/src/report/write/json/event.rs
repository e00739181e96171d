//! The text of events, put together from [`pieces`](super::pieces) that are prepared once per file.

use super::super::missing::{self, Missing};
use super::super::text::Text;
use super::microseconds::microseconds;
use super::pieces::{COPIED_MAX, EventPrefix, FunctionTexts};
use crate::chrome::checked::is_readable_object;
use crate::events::decode::{Event, Payload};
use crate::plan::file::FilePlan;
use memchr::memmem;
use serde_json::{Map, Value};
use viztracer_format::names::Function;
use viztracer_format::record::Kind;

/// More than all parts of an event besides the prefix, the name and the arguments.
const FIXED_MAX: usize = 160;

/// Tracks of tasks are numbered from here on: no thread of an operating system has such an id.
const FIRST_TASK: u32 = 1 << 24;

/// The prepared pieces of one file.
#[derive(Debug)]
pub struct FileText {
    pid: u32,
    threads: Vec<EventPrefix>,
    tids: Vec<u32>,
    functions: FunctionTexts,
}

impl FileText {
    /// The pieces of a file's threads; functions are added after.
    pub fn new(file: &FilePlan) -> FileText {
        let pid = file.pid;
        let tids: Vec<u32> = file.threads.iter().map(|thread| thread.tid as u32).collect();
        let threads = tids.iter().map(|tid| EventPrefix::new(pid, *tid)).collect();
        FileText { pid, threads, tids, functions: FunctionTexts::default() }
    }

    /// Prepares a function's piece.
    pub fn add(&mut self, id: u32, function: &Function<'_>) {
        self.functions.add(id, function);
    }

    /// Appends one event.
    #[inline]
    pub fn event(&self, event: &Event<'_>, text: &mut Text) {
        if event.clipped {
            return self.clipped(event, text);
        }
        match event.kind {
            Kind::Return => self.call(event, text, None),
            Kind::Yield => self.call(event, text, Some(br#","yield":true}"#)),
            Kind::Raise => self.call(event, text, Some(br#","args":{"raised":true}}"#)),
            Kind::Abandoned => self.call(event, text, Some(br#","args":{"abandoned":true}}"#)),
            _ => self.other(event, text),
        }
    }

    /// Appends a call that had not ended when it was last seen.
    pub fn unfinished(&self, event: &Event<'_>, is_inherited: bool, text: &mut Text) {
        let arguments: &[u8] = match (event.clipped, is_inherited) {
            (false, false) => br#","args":{"unfinished":true}}"#,
            (true, false) => br#","args":{"unfinished":true,"clipped":true}}"#,
            (false, true) => br#","args":{"unfinished":true,"inherited":true}}"#,
            (true, true) => br#","args":{"unfinished":true,"clipped":true,"inherited":true}}"#,
        };
        self.call(event, text, Some(arguments));
    }

    /// Appends a call of which only a part is selected.
    #[cold]
    fn clipped(&self, event: &Event<'_>, text: &mut Text) {
        let arguments: &[u8] = match event.kind {
            Kind::Raise => br#","args":{"raised":true,"clipped":true}}"#,
            Kind::Abandoned => br#","args":{"abandoned":true,"clipped":true}}"#,
            Kind::Open => br#","args":{"unfinished":true,"clipped":true}}"#,
            Kind::Yield => br#","yield":true,"args":{"clipped":true}}"#,
            _ => br#","args":{"clipped":true}}"#,
        };
        self.call(event, text, Some(arguments));
    }

    /// What an event on the track of a task begins and ends with; the second one names the thread with this index.
    pub fn task(&self, serial: u32, thread: usize) -> (EventPrefix, String) {
        let tid = self.tids.get(thread).copied().unwrap_or_default();
        (EventPrefix::new(self.pid, task_track(serial)), format!(",\"thread\":{tid}}}"))
    }

    /// The member of an event that is the name of this function.
    pub fn bare_name(&self, function: u32) -> &[u8] {
        self.functions.get(function).bare()
    }

    /// What an event begins with: the track of its task, if it has one.
    fn prefix(&self, event: &Event<'_>) -> Option<EventPrefix> {
        match event.task {
            0 => self.threads.get(event.thread).cloned(),
            task => Some(EventPrefix::new(self.pid, task_track(task))),
        }
    }

    /// Behind an event that has ended: of which thread it was, if it stands on the track of a task.
    #[inline]
    fn end(&self, event: &Event<'_>, text: &mut Text) {
        if event.task != 0 {
            self.end_of_task(event, text);
        }
    }

    #[cold]
    fn end_of_task(&self, event: &Event<'_>, text: &mut Text) {
        text.len -= 1;
        text.put(self.task(event.task, event.thread).1.as_bytes());
    }

    /// Appends a slice where a thread's history was overwritten, and a mark for lost events.
    pub fn missing(&self, missing: &Missing, text: &mut Text) {
        let Missing { thread, overwritten, lost, since, until, gap } = missing;
        let Some(prefix) = self.threads.get(*thread) else { return };
        let put = |time, kind: &[u8], name: &str, text: &mut Text| {
            text.put(prefix.as_bytes());
            put_microseconds(time, text);
            text.put(kind);
            text.put(br#","name":"#);
            text.put_string(name);
            text.put(format!(r#","cat":"{}","args":{{"#, missing::CATEGORY).as_bytes());
        };
        if *lost > 0 {
            put(*since, br#","ph":"i","s":"t""#, &missing::lost(*lost), text);
            text.put(format!(r#""lost":{lost}}}}}"#).as_bytes());
        }
        if *overwritten > 0 {
            let mut duration = Text::default();
            duration.put(br#","ph":"X","dur":"#);
            put_microseconds(gap.end - gap.start, &mut duration);
            put(gap.start, duration.as_bytes(), &missing::overwritten(*overwritten), text);
            text.put(format!(r#""overwritten":{overwritten}"#).as_bytes());
            for (name, time) in [("since", *since), ("until", *until)] {
                text.put(format!(r#","{name}":"#).as_bytes());
                put_microseconds(time, text);
            }
            text.put(b"}}");
        }
    }

    #[inline]
    fn call(&self, event: &Event<'_>, text: &mut Text, arguments: Option<&[u8]>) {
        if let Some(payload) = &event.payload {
            return self.logged_call(event, payload, arguments.unwrap_or(b"}"), text);
        }
        let of_task = (event.task != 0).then(|| EventPrefix::new(self.pid, task_track(event.task)));
        let Some(prefix) = of_task.as_ref().or_else(|| self.threads.get(event.thread)) else { return };
        let name = self.functions.get(event.function);
        text.reserve(name.len() + COPIED_MAX + FIXED_MAX);
        let out = &mut text.bytes[text.len..];
        let mut at = prefix.copy(out);
        at = microseconds(out, at, event.start);
        out[at..at + 16].copy_from_slice(br#","ph":"X","dur":"#);
        at = microseconds(out, at + 16, event.duration);
        at = name.copy(out, at);
        if let Some(arguments) = arguments {
            at -= 1;
            out[at..at + arguments.len()].copy_from_slice(arguments);
            at += arguments.len();
        }
        text.len += at;
        self.end(event, text);
    }

    /// A call with a payload, and with what it has behind its category.
    #[cold]
    fn logged_call(&self, event: &Event<'_>, payload: &Payload<'_>, rest: &[u8], text: &mut Text) {
        if let Payload::Members(members) = payload {
            return self.foreign_call(event, members, text);
        }
        let Some(prefix) = self.prefix(event) else { return };
        text.put(prefix.as_bytes());
        put_microseconds(event.start, text);
        text.put(br#","ph":"X","dur":"#);
        put_microseconds(event.duration, text);
        text.put(self.functions.get(event.function).bare());
        text.put(br#","cat":"FEE""#);
        put_with_payload(rest, payload, text);
        self.end(event, text);
    }

    /// A call that came as JSON, with what it has beside the usual.
    fn foreign_call(&self, event: &Event<'_>, members: &[u8], text: &mut Text) {
        let Some(prefix) = self.prefix(event) else { return };
        text.put(prefix.as_bytes());
        put_microseconds(event.start, text);
        match event.kind {
            Kind::Open => text.put(br#","ph":"B""#),
            _ => {
                text.put(br#","ph":"X","dur":"#);
                put_microseconds(event.duration, text);
            }
        }
        text.put(self.functions.get(event.function).bare());
        match event.clipped {
            true => text.put(&clipped(members)),
            false => text.put(members),
        }
        text.put(b"}");
        self.end(event, text);
    }

    /// Any other event that came as JSON.
    fn foreign(&self, event: &Event<'_>, members: &[u8], text: &mut Text) {
        let Some(prefix) = self.prefix(event) else { return };
        let prefix = prefix.as_bytes();
        if members.starts_with(br#","ph":"M""#) {
            text.put(prefix.strip_suffix(br#","ts":"#).unwrap_or(prefix));
        } else {
            text.put(prefix);
            put_microseconds(event.start, text);
        }
        text.put(members);
        text.put(b"}");
        self.end(event, text);
    }

    /// The rarer kinds, whose parts come in another order.
    #[cold]
    fn other(&self, event: &Event<'_>, text: &mut Text) {
        match event.payload {
            Some(Payload::Members(members)) if event.kind.is_call() => {
                return self.foreign_call(event, members, text);
            }
            Some(Payload::Members(members)) => return self.foreign(event, members, text),
            _ => {}
        }
        let Some(prefix) = self.prefix(event) else { return };
        let bare = self.functions.get(event.function).bare();
        text.put(prefix.as_bytes());
        put_microseconds(event.start, text);
        match event.kind {
            Kind::Instant => {
                text.put(br#","ph":"i","cat":"INSTANT""#);
                text.put(bare);
                text.put(br#","args":"#);
                put_payload(event.payload.as_ref(), "null", text);
                text.put(br#","s":"t"}"#);
            }
            Kind::Counter => {
                text.put(br#","ph":"C""#);
                text.put(bare);
                text.put(br#","args":"#);
                put_payload(event.payload.as_ref(), "{}", text);
                text.put(b"}");
            }
            _ => {
                // Viewers let a call without an end last as long as the trace; its known duration stands beside that.
                text.put(br#","ph":"B","dur":"#);
                put_microseconds(event.duration, text);
                text.put(bare);
                text.put(br#","cat":"FEE""#);
                let rest = br#","args":{"unfinished":true}}"#;
                match &event.payload {
                    Some(payload) => put_with_payload(rest, payload, text),
                    None => text.put(rest),
                }
            }
        }
        self.end(event, text);
    }
}

/// The members of a call of which only a part is selected.
fn clipped(members: &[u8]) -> Vec<u8> {
    let object = [b"{", members.strip_prefix(b",").unwrap_or(members), b"}"].concat();
    let mut members: Map<String, Value> = serde_json::from_slice(&object).unwrap_or_default();
    if let Value::Object(arguments) = members.entry("args").or_insert_with(|| Value::Object(Map::new())) {
        arguments.insert("clipped".into(), true.into());
    }
    let text = Value::Object(members).to_string();
    format!(",{}", text.trim_start_matches('{').strip_suffix('}').unwrap_or_default()).into_bytes()
}

/// The thread id that stands for a task's track.
pub fn task_track(serial: u32) -> u32 {
    FIRST_TASK.saturating_add(serial)
}

/// The rest of a call's event, with the members of its payload before its other arguments.
fn put_with_payload(rest: &[u8], payload: &Payload<'_>, text: &mut Text) {
    const ARGUMENTS: &[u8] = br#","args":{"#;
    let (before, own) = match memmem::find(rest, ARGUMENTS) {
        Some(at) => (&rest[..at], rest[at + ARGUMENTS.len()..].strip_suffix(b"}}").unwrap_or_default()),
        None => (rest.strip_suffix(b"}").unwrap_or_default(), &b""[..]),
    };
    let mut object = Text::default();
    put_payload(Some(payload), "{}", &mut object);
    let members = object.as_bytes().trim_ascii();
    let members = members.strip_prefix(b"{").and_then(|rest| rest.strip_suffix(b"}")).unwrap_or_default().trim_ascii();
    text.put(before);
    text.put(ARGUMENTS);
    text.put(members);
    text.put(if members.is_empty() || own.is_empty() { b"" } else { b"," });
    text.put(own);
    text.put(b"}}");
}

/// A payload is a JSON object as the traced program wrote it; anything else is shown as the text that it is.
fn put_payload(payload: Option<&Payload<'_>>, none: &str, text: &mut Text) {
    match payload {
        None => text.put(none.as_bytes()),
        Some(Payload::Overwritten) => text.put(br#"{"overwritten":true}"#),
        // Members are no arguments, and no caller passes them; no calls of a trace in JSON are merged.
        Some(Payload::Members(_) | Payload::Merged(_)) => text.put(b"{}"),
        Some(Payload::Bytes(bytes)) => {
            if is_readable_object(bytes) {
                text.put(bytes);
            } else {
                text.put(b"{\"value\":");
                text.put_string(&String::from_utf8_lossy(bytes));
                text.put(b"}");
            }
        }
    }
}

/// Appends a time or a duration.
pub fn put_microseconds(nanoseconds: u64, text: &mut Text) {
    text.reserve(FIXED_MAX);
    text.len = microseconds(&mut text.bytes, text.len, nanoseconds);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_of_calls_stand_before_their_other_arguments() {
        for (rest, payload, expected) in [
            ("}", r#" {"a":1} "#, r#","args":{"a":1}}"#),
            (r#","args":{"raised":true}}"#, r#"{"a":1}"#, r#","args":{"a":1,"raised":true}}"#),
            (r#","args":{"raised":true}}"#, "{ }", r#","args":{"raised":true}}"#),
            (r#","yield":true}"#, "{}", r#","yield":true,"args":{}}"#),
            (r#","yield":true,"args":{"clipped":true}}"#, "5", r#","yield":true,"args":{"value":"5","clipped":true}}"#),
        ] {
            let mut text = Text::default();
            put_with_payload(rest.as_bytes(), &Payload::Bytes(payload.as_bytes()), &mut text);
            assert_eq!(String::from_utf8_lossy(text.as_bytes()), expected);
        }
    }

    #[test]
    fn payloads_that_are_no_objects_become_text() {
        for (bytes, expected) in [
            (&b"{\"a\": 1}"[..], "{\"a\": 1}"),
            (b"[1]", r#"{"value":"[1]"}"#),
            (b"{\"a\": ", r#"{"value":"{\"a\": "}"#),
            (b"\xff", "{\"value\":\"\u{fffd}\"}"),
        ] {
            let mut text = Text::default();
            put_payload(Some(&Payload::Bytes(bytes)), "null", &mut text);
            assert_eq!(String::from_utf8_lossy(text.as_bytes()), expected);
        }
    }
}
