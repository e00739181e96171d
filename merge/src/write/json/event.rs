//! The text of events, put together from pieces that are prepared once per file: all up to the time per thread, all from
//! the name on per function.

use super::super::missing::{self, Missing};
use super::super::text::Text;
use super::microseconds::microseconds;
use crate::decode::{Moment, Payload};
use crate::display::{UNKNOWN_FUNCTION, function_name};
use crate::plan::FilePlan;
use serde_json::{Map, Value};
use std::collections::HashMap;
use viztracer_format::names::Function;
use viztracer_format::record::Kind;

const CATEGORY: &[u8] = br#","cat":"FEE"}"#;
/// Pieces are copied in chunks of this size: a few moves of the processor in the place of a call of `memcpy`.
const CHUNK: usize = 32;
/// No prefix is longer.
const PREFIX_MAX: usize = 64;
/// Most names are not longer.
const NAME_USUAL: usize = 128;
/// More than all parts of an event besides the prefix, the name and the arguments.
const FIXED_MAX: usize = 160;

/// Tracks of tasks are numbered from here on: no thread of an operating system has such an id.
const FIRST_TASK: u32 = 1 << 24;

impl Text {
    /// Appends a string in quotes.
    pub fn put_string(&mut self, text: &str) {
        self.put(b"\"");
        let mut rest = text;
        while let Some(at) = rest.bytes().position(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
            self.put(&rest.as_bytes()[..at]);
            match rest.as_bytes()[at] {
                b'"' => self.put(b"\\\""),
                b'\\' => self.put(b"\\\\"),
                b'\n' => self.put(b"\\n"),
                b'\r' => self.put(b"\\r"),
                b'\t' => self.put(b"\\t"),
                control => self.put(format!("\\u{control:04x}").as_bytes()),
            }
            rest = &rest[at + 1..];
        }
        self.put(rest.as_bytes());
        self.put(b"\"");
    }

    /// Appends a number in decimal.
    pub fn put_number(&mut self, number: u64) {
        self.put(itoa::Buffer::new().format(number).as_bytes());
    }
}

/// The prepared pieces of one file.
#[derive(Debug)]
pub struct FileText {
    pid: u32,
    threads: Vec<Piece>,
    functions: Functions,
}

/// What an event begins with. Two numbers of 32 bits leave it shorter than its room, which is read as a whole.
#[derive(Clone, Debug)]
struct Piece {
    bytes: [u8; PREFIX_MAX],
    len: usize,
}

/// The text from the name on, by function id.
#[derive(Debug, Default)]
struct Functions {
    bytes: Text,
    /// Begin and length in `bytes`; ids are counted up by the writer, so a list serves.
    near: Vec<(usize, usize)>,
    /// Ids that a damaged file has beyond any count.
    far: HashMap<u32, (usize, usize)>,
    count: usize,
    unknown: (usize, usize),
}

impl FileText {
    /// The pieces of a file's threads; functions are added after.
    pub fn new(file: &FilePlan) -> FileText {
        let pid = file.pid;
        let threads = file.threads.iter().map(|thread| Piece::before_time(pid, thread.tid as u32)).collect();
        let mut functions = Functions::default();
        functions.unknown = functions.text(UNKNOWN_FUNCTION, "", 0);
        FileText { pid, threads, functions }
    }

    /// Prepares a function's piece.
    pub fn add(&mut self, id: u32, function: &Function<'_>) {
        let functions = &mut self.functions;
        let text = functions.text(function.name, function.file, function.line);
        functions.count += 1;
        let id_or_far = usize::try_from(id).unwrap_or(usize::MAX);
        if id_or_far <= functions.count * 4 + 4096 {
            let missing = (0, 0);
            functions.near.resize(functions.near.len().max(id_or_far + 1), missing);
            functions.near[id_or_far] = text;
        } else {
            functions.far.insert(id, text);
        }
    }

    /// Appends one event.
    #[inline]
    pub fn event(&self, moment: &Moment<'_>, text: &mut Text) {
        if moment.clipped {
            return self.clipped(moment, text);
        }
        match moment.kind {
            Kind::Return | Kind::Yield => self.call(moment, text, None),
            Kind::Raise => self.call(moment, text, Some(br#","args":{"raised":true}}"#)),
            Kind::Abandoned => self.call(moment, text, Some(br#","args":{"abandoned":true}}"#)),
            _ => self.other(moment, text),
        }
    }

    /// Appends a call that had not ended when it was last seen.
    pub fn unfinished(&self, moment: &Moment<'_>, text: &mut Text) {
        match moment.clipped {
            true => self.call(moment, text, Some(br#","args":{"unfinished":true,"clipped":true}}"#)),
            false => self.call(moment, text, Some(br#","args":{"unfinished":true}}"#)),
        }
    }

    /// Appends a call of which only a part is asked for.
    #[cold]
    fn clipped(&self, moment: &Moment<'_>, text: &mut Text) {
        let arguments: &[u8] = match moment.kind {
            Kind::Raise => br#","args":{"raised":true,"clipped":true}}"#,
            Kind::Abandoned => br#","args":{"abandoned":true,"clipped":true}}"#,
            Kind::Open => br#","args":{"unfinished":true,"clipped":true}}"#,
            _ => br#","args":{"clipped":true}}"#,
        };
        self.call(moment, text, Some(arguments));
    }

    /// Appends a slice where a thread's history was overwritten, and a mark for events that found no room.
    pub fn missing(&self, missing: &Missing, text: &mut Text) {
        let Missing { thread, overwritten, lost, since, gap } = missing;
        let Some(prefix) = self.threads.get(*thread) else { return };
        let mut put = |time, kind: &[u8], duration, name: &str, what: &str, count: u64| {
            text.put(prefix.as_bytes());
            put_microseconds(time, text);
            text.put(kind);
            if let Some(duration) = duration {
                text.put(br#","dur":"#);
                put_microseconds(duration, text);
            }
            text.put(br#","name":"#);
            text.put_string(name);
            text.put(format!(r#","cat":"{}","args":{{"{what}":{count}}}}}"#, missing::CATEGORY).as_bytes());
        };
        if *lost > 0 {
            put(*since, br#","ph":"i","s":"t""#, None, &missing::lost(*lost), "lost", *lost);
        }
        if *overwritten > 0 {
            let (name, length) = (missing::overwritten(*overwritten), gap.end - gap.start);
            put(gap.start, br#","ph":"X""#, Some(length), &name, "overwritten", *overwritten);
        }
    }

    #[inline]
    fn call(&self, moment: &Moment<'_>, text: &mut Text, arguments: Option<&[u8]>) {
        if let Some(Payload::Members(members)) = moment.payload {
            return self.foreign_call(moment, members, text);
        }
        let of_task = (moment.task != 0).then(|| Piece::before_time(self.pid, task_track(moment.task)));
        let Some(prefix) = of_task.as_ref().or_else(|| self.threads.get(moment.thread)) else { return };
        let (name, length) = self.functions.get(moment.function);
        text.reserve(prefix.bytes.len() + length + NAME_USUAL + CHUNK + FIXED_MAX);
        let out = &mut text.bytes[text.len..];
        let mut at = copy::<PREFIX_MAX>(out, 0, &prefix.bytes, prefix.len);
        at = microseconds(out, at, moment.start);
        out[at..at + 16].copy_from_slice(br#","ph":"X","dur":"#);
        at = microseconds(out, at + 16, moment.duration);
        at = copy::<NAME_USUAL>(out, at, name, length);
        if let Some(arguments) = arguments {
            at -= 1;
            out[at..at + arguments.len()].copy_from_slice(arguments);
            at += arguments.len();
        }
        text.len += at;
    }

    /// A call that came as JSON, with what it has beside the usual.
    fn foreign_call(&self, moment: &Moment<'_>, members: &[u8], text: &mut Text) {
        let Some(prefix) = self.threads.get(moment.thread) else { return };
        text.put(&prefix.bytes[..prefix.len]);
        text.reserve(FIXED_MAX);
        text.len = microseconds(&mut text.bytes, text.len, moment.start);
        match moment.kind {
            Kind::Open => text.put(br#","ph":"B""#),
            _ => {
                text.put(br#","ph":"X","dur":"#);
                text.reserve(FIXED_MAX);
                text.len = microseconds(&mut text.bytes, text.len, moment.duration);
            }
        }
        text.put(self.functions.bare(moment.function));
        match moment.clipped {
            true => text.put(&clipped(members)),
            false => text.put(members),
        }
        text.put(b"}");
    }

    /// Any other event that came as JSON.
    fn foreign(&self, moment: &Moment<'_>, members: &[u8], text: &mut Text) {
        let Some(prefix) = self.threads.get(moment.thread) else { return };
        let prefix = &prefix.bytes[..prefix.len];
        if members.starts_with(br#","ph":"M""#) {
            text.put(prefix.strip_suffix(br#","ts":"#).unwrap_or(prefix));
        } else {
            text.put(prefix);
            text.reserve(FIXED_MAX);
            text.len = microseconds(&mut text.bytes, text.len, moment.start);
        }
        text.put(members);
        text.put(b"}");
    }

    /// The rarer kinds, whose parts come in another order.
    #[cold]
    fn other(&self, moment: &Moment<'_>, text: &mut Text) {
        match moment.payload {
            Some(Payload::Members(members)) if moment.kind.is_call() => {
                return self.foreign_call(moment, members, text);
            }
            Some(Payload::Members(members)) => return self.foreign(moment, members, text),
            _ => {}
        }
        let of_task = (moment.task != 0).then(|| Piece::before_time(self.pid, task_track(moment.task)));
        let Some(prefix) = of_task.as_ref().or_else(|| self.threads.get(moment.thread)) else { return };
        let bare = self.functions.bare(moment.function);
        text.put(prefix.as_bytes());
        put_microseconds(moment.start, text);
        match moment.kind {
            Kind::Instant => {
                text.put(br#","ph":"i","cat":"INSTANT""#);
                text.put(bare);
                text.put(br#","args":"#);
                put_payload(moment.payload.as_ref(), "null", text);
                text.put(br#","s":"t"}"#);
            }
            Kind::Counter => {
                text.put(br#","ph":"C""#);
                text.put(bare);
                text.put(br#","args":"#);
                put_payload(moment.payload.as_ref(), "{}", text);
                text.put(b"}");
            }
            _ => {
                text.put(br#","ph":"B""#);
                text.put(bare);
                text.put(br#","cat":"FEE","args":{"unfinished":true}}"#);
            }
        }
    }
}

impl Piece {
    /// All of an event up to its time.
    fn before_time(pid: u32, tid: u32) -> Piece {
        let mut piece = Piece { bytes: [0; PREFIX_MAX], len: 0 };
        piece.put(b",\n{\"pid\":");
        piece.put(itoa::Buffer::new().format(pid).as_bytes());
        piece.put(b",\"tid\":");
        piece.put(itoa::Buffer::new().format(tid).as_bytes());
        piece.put(b",\"ts\":");
        piece
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.bytes[self.len..][..bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }
}

impl Functions {
    fn text(&mut self, name: &str, file: &str, line: u32) -> (usize, usize) {
        let begin = self.bytes.len;
        self.bytes.put(b",\"name\":");
        match file {
            "" => self.bytes.put_string(name),
            file => self.bytes.put_string(&function_name(name, file, line)),
        }
        self.bytes.put(CATEGORY);
        self.bytes.reserve(NAME_USUAL + CHUNK);
        (begin, self.bytes.len - begin)
    }

    /// The text of the name alone.
    fn bare(&self, id: u32) -> &[u8] {
        let (name, length) = self.get(id);
        name.get(..length - CATEGORY.len()).unwrap_or_default()
    }

    /// The bytes from the piece's begin on, and how many of them are the piece.
    #[inline]
    fn get(&self, id: u32) -> (&[u8], usize) {
        let (begin, length) = match self.near.get(id as usize) {
            Some((begin, length)) if *length > 0 => (*begin, *length),
            _ => self.far.get(&id).copied().unwrap_or(self.unknown),
        };
        (self.bytes.bytes.get(begin..).unwrap_or_default(), length)
    }
}

/// The members of a call of which only a part is asked for.
fn clipped(members: &[u8]) -> Vec<u8> {
    let object = [b"{", members.strip_prefix(b",").unwrap_or(members), b"}"].concat();
    let mut members: Map<String, Value> = serde_json::from_slice(&object).unwrap_or_default();
    if let Value::Object(arguments) = members.entry("args").or_insert_with(|| Value::Object(Map::new())) {
        arguments.insert("clipped".into(), true.into());
    }
    let text = Value::Object(members).to_string();
    format!(",{}", text.trim_start_matches('{').strip_suffix('}').unwrap_or_default()).into_bytes()
}

/// The number of a task's track.
pub fn task_track(serial: u32) -> u32 {
    FIRST_TASK.saturating_add(serial)
}

/// A payload is a JSON object as the traced program wrote it; anything else is shown as the text that it is.
fn put_payload(payload: Option<&Payload<'_>>, none: &str, text: &mut Text) {
    match payload {
        None => text.put(none.as_bytes()),
        Some(Payload::Overwritten) => text.put(br#"{"overwritten":true}"#),
        // These are no arguments, and who puts arguments has none of these.
        Some(Payload::Members(_)) => text.put(b"{}"),
        Some(Payload::Bytes(bytes)) => {
            if serde_json::from_slice::<Value>(bytes).is_ok_and(|value| value.is_object()) {
                text.put(bytes);
            } else {
                text.put(b"{\"value\":");
                text.put_string(&String::from_utf8_lossy(bytes));
                text.put(b"}");
            }
        }
    }
}

/// Copies `len` bytes of `from` to `at` in whole chunks and gives the place behind them. The first `ALWAYS` bytes are
/// copied whatever `len` is: lengths change from event to event, and a mispredicted loop costs more than they do.
#[inline]
fn copy<const ALWAYS: usize>(out: &mut [u8], at: usize, from: &[u8], len: usize) -> usize {
    let always: &[u8; ALWAYS] = from.first_chunk().expect("pieces end with scratch");
    out[at..at + ALWAYS].copy_from_slice(always);
    let mut done = ALWAYS;
    while done < len {
        let chunk: &[u8; CHUNK] = from[done..].first_chunk().expect("pieces end with scratch");
        out[at + done..at + done + CHUNK].copy_from_slice(chunk);
        done += CHUNK;
    }
    at + len
}

fn put_microseconds(nanoseconds: u64, text: &mut Text) {
    text.reserve(FIXED_MAX);
    text.len = microseconds(&mut text.bytes, text.len, nanoseconds);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_what_they_were_after_parsing() {
        for string in ["", "plain", "\"\\\n\r\t\0\u{1f}\u{7f}", "é 🙂 \u{2028} </script>", "a\"b"] {
            let mut text = Text::default();
            text.put_string(string);
            assert_eq!(serde_json::from_slice::<String>(text.as_bytes()).unwrap(), string);
        }
        let mut text = Text::default();
        text.put_string("é🙂");
        assert_eq!(text.as_bytes(), "\"é🙂\"".as_bytes());
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
