//! A trace document taken apart while it is read: its events one by one, and whatever else it holds, each as its own
//! text.
//!
//! ```text
//! {"traceEvents":[event, event, ...], "file_info":{"files":{path: source, ...}, ...}, key: value, ...}
//! [event, event, ...
//! ```
//!
//! Only the structure is looked at here. The array form may lack its end, as its makers may die; what else is cut off
//! is a problem, and what came before it stays good.

use super::value::Value;
use crate::error::{Problem, sentence};
use std::io::{self, Read};
use std::ops::Range;

/// No event, source file or other value is taken that is longer.
const VALUE_MAX: usize = 64 << 20;
/// Bytes asked of the reader at once; few in tests, so that everything falls on a border once.
const READ: u64 = if cfg!(test) { 3 } else { 256 << 10 };

/// A document being read.
pub struct Document<R> {
    reader: R,
    buffer: Vec<u8>,
    /// The begin of what is looked at, in the buffer.
    at: usize,
    /// Its length, known once it is told of.
    length: usize,
    /// Bytes of the document before the buffer.
    before: u64,
    /// Whether the buffer ends where the document does.
    is_whole: bool,
    /// Why it ends there, if it should not.
    failure: Option<io::Error>,
    place: Place,
}

/// A piece of the document, as JSON text.
#[derive(Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// An event, which [`Document::rest`] begins with. How long it is, its reader says.
    Event,
    /// A source file: its path, with quotes, and what is told of it.
    Source(&'a [u8], &'a [u8]),
    /// Anything else that the document holds: its key, with quotes, and the value.
    Member(&'a [u8], &'a [u8]),
}

/// Where in the document we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Begin,
    Top,
    /// Among the events; whether the document is nothing but their array.
    Events(bool),
    FileInfo,
    Files,
    End,
}

impl<R: Read> Document<R> {
    /// A document from its first byte on.
    pub fn new(reader: R) -> Document<R> {
        let (buffer, place) = (Vec::new(), Place::Begin);
        Document { reader, buffer, at: 0, length: 0, before: 0, is_whole: false, failure: None, place }
    }

    /// Where the last item begins, in bytes from the begin of the document.
    pub fn offset(&self) -> u64 {
        self.before + self.at as u64
    }

    /// The next item; after a problem there is none.
    pub fn next(&mut self) -> Result<Option<Item<'_>>, Problem> {
        let behind = std::mem::take(&mut self.length);
        self.skip(behind);
        loop {
            // Whatever fails, nothing is looked for behind it.
            match std::mem::replace(&mut self.place, Place::End) {
                Place::Begin => self.place = self.begin()?,
                place @ Place::Events(is_all) => match self.first_after_comma()? {
                    Some(b'{') => {
                        self.place = place;
                        return Ok(Some(Item::Event));
                    }
                    Some(b']') => {
                        self.skip(1);
                        self.place = if is_all { Place::End } else { Place::Top };
                    }
                    None if is_all => {}
                    None => return Err(self.problem("cut off among the events")),
                    Some(_) => return Err(self.problem("not an event")),
                },
                Place::End => return Ok(None),
                place => match self.first_after_comma()? {
                    Some(b'}') => {
                        self.skip(1);
                        self.place = place.outside();
                    }
                    Some(b'"') => {
                        let (key, value) = self.key()?;
                        let first = self.byte_at(value)?;
                        if let Some(inside) = place.inside(self.bytes(key.clone()), first) {
                            self.skip(value + 1);
                            self.place = inside;
                            continue;
                        }
                        (self.place, self.length) = (place, self.value_end(value)?);
                        let (key, value) = (self.bytes(key), self.bytes(value..self.length));
                        let is_source = place == Place::Files;
                        return Ok(Some(if is_source { Item::Source(key, value) } else { Item::Member(key, value) }));
                    }
                    None => return Err(self.problem("cut off")),
                    Some(_) => return Err(self.problem("not a key")),
                },
            }
        }
    }

    /// What was read from the last item on.
    pub fn rest(&self) -> &[u8] {
        self.buffer.get(self.at..).unwrap_or_default()
    }

    /// Tells how long the event is that was told of.
    pub fn take(&mut self, length: usize) {
        self.length = length;
    }

    /// Finds the end of the event that was told of, whatever is in it. If there is none, nothing more is looked for.
    pub fn pass_over(&mut self) -> Result<(), Problem> {
        let place = std::mem::replace(&mut self.place, Place::End);
        self.length = self.value_end(0)?;
        self.place = place;
        Ok(())
    }

    fn begin(&mut self) -> Result<Place, Problem> {
        if self.byte_at(2)?.is_some() && self.bytes(0..3) == "\u{feff}".as_bytes() {
            self.skip(3);
        }
        let place = match self.first_after(0)? {
            (_, Some(b'{')) => Place::Top,
            (_, Some(b'[')) => Place::Events(true),
            (_, Some(_)) => return Err(self.problem("neither an object nor an array")),
            (_, None) => return Err(self.problem("there is nothing in it")),
        };
        let (begin, _) = self.first_after(0)?;
        self.skip(begin + 1);
        Ok(place)
    }

    /// Goes to the next item, and tells its first byte.
    fn first_after_comma(&mut self) -> Result<Option<u8>, Problem> {
        let (mut begin, mut first) = self.first_after(0)?;
        if first == Some(b',') {
            (begin, first) = self.first_after(begin + 1)?;
        }
        self.skip(begin);
        Ok(first)
    }

    /// The key that begins here, and where its value begins.
    fn key(&mut self) -> Result<(Range<usize>, usize), Problem> {
        let end = self.value_end(0)?;
        match self.first_after(end)? {
            (colon, Some(b':')) => Ok((0..end, self.first_after(colon + 1)?.0)),
            (_, None) => Err(self.problem("cut off in a key")),
            _ => Err(self.problem("a key without a value")),
        }
    }

    /// The first byte that is no white space.
    fn first_after(&mut self, mut from: usize) -> Result<(usize, Option<u8>), Problem> {
        loop {
            match self.byte_at(from)? {
                Some(b' ' | b'\t' | b'\n' | b'\r') => from += 1,
                other => return Ok((from, other)),
            }
        }
    }

    /// Where the value ends that begins here.
    fn value_end(&mut self, begin: usize) -> Result<usize, Problem> {
        let mut value = Value::default();
        let mut from = begin;
        loop {
            let known = self.buffer.get(self.at + from..).unwrap_or_default();
            if let Some(length) = value.end(known) {
                return Ok(from + length);
            }
            from += known.len();
            if !self.read_more()? {
                return match value.is_number() {
                    true if from > begin => Ok(from),
                    _ => Err(self.problem("cut off")),
                };
            }
        }
    }

    fn bytes(&self, range: Range<usize>) -> &[u8] {
        self.buffer.get(self.at + range.start..self.at + range.end).unwrap_or_default()
    }

    fn byte_at(&mut self, place: usize) -> Result<Option<u8>, Problem> {
        while self.buffer.len() <= self.at + place {
            if !self.read_more()? {
                return Ok(None);
            }
        }
        Ok(self.buffer.get(self.at + place).copied())
    }

    fn skip(&mut self, bytes: usize) {
        self.at += bytes;
    }

    /// Reads on, and tells whether there was more. What is behind us makes room.
    pub fn read_more(&mut self) -> Result<bool, Problem> {
        if self.is_whole {
            let failure = self.failure.take().map(|error| self.problem(sentence(&error)));
            self.place = if failure.is_some() { Place::End } else { self.place };
            return failure.map_or(Ok(false), Err);
        }
        let behind = self.at.min(self.buffer.len());
        self.buffer.drain(..behind);
        (self.at, self.before) = (self.at - behind, self.before + behind as u64);
        let known = self.buffer.len();
        if known > VALUE_MAX {
            self.place = Place::End;
            return Err(self.problem(format!("longer than {} MiB", VALUE_MAX >> 20)));
        }
        // Ever more, as a long value may be looked at anew each time.
        let wanted = READ.max(known as u64);
        let read = self.reader.by_ref().take(wanted).read_to_end(&mut self.buffer);
        // What was read before an error is good.
        self.is_whole = !matches!(read, Ok(1..));
        self.failure = read.err();
        if self.buffer.len() > known { Ok(true) } else { self.read_more() }
    }

    fn problem(&self, reason: impl Into<String>) -> Problem {
        Problem::at(self.offset(), format!("this is no trace in JSON: {}", reason.into()))
    }
}

impl Place {
    /// Where a value leads whose parts are items of their own.
    fn inside(self, key: &[u8], first: Option<u8>) -> Option<Place> {
        match (self, key, first) {
            (Place::Top, br#""traceEvents""#, Some(b'[')) => Some(Place::Events(false)),
            (Place::Top, br#""file_info""#, Some(b'{')) => Some(Place::FileInfo),
            (Place::FileInfo, br#""files""#, Some(b'{')) => Some(Place::Files),
            _ => None,
        }
    }

    fn outside(self) -> Place {
        match self {
            Place::Files => Place::FileInfo,
            Place::FileInfo => Place::Top,
            _ => Place::End,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(text: &str) -> (Vec<String>, Option<Problem>) {
        let mut document = Document::new(text.as_bytes());
        let mut items = Vec::new();
        let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        loop {
            match document.next() {
                Ok(None) => return (items, None),
                Err(problem) => return (items, Some(problem)),
                Ok(Some(Item::Event)) => match document.pass_over() {
                    Err(problem) => return (items, Some(problem)),
                    Ok(()) => items.push(shown(&document.rest()[..document.length])),
                },
                Ok(Some(Item::Source(path, source))) => items.push(format!("{}={}", shown(path), shown(source))),
                Ok(Some(Item::Member(key, value))) => items.push(format!("{}:{}", shown(key), shown(value))),
            }
        }
    }

    #[test]
    fn both_dialects_and_both_forms() {
        for (text, expected) in [
            ("[]", &[][..]),
            ("[{}", &["{}"]),
            (" [ {\"a\":[1,{}]} , {} ] ", &["{\"a\":[1,{}]}", "{}"]),
            ("\u{feff}{}", &[]),
            (r#"{"traceEvents":[{"n":"}]\"\\"},{}],"x":1.5e3}"#, &[r#"{"n":"}]\"\\"}"#, "{}", r#""x":1.5e3"#]),
            (
                r#"{"a": null , "traceEvents": [ {"b": "c"} ], "d": [1, 2]}"#,
                &[r#""a":null"#, r#"{"b": "c"}"#, r#""d":[1, 2]"#],
            ),
            (
                r#"{"file_info":{"files":{"/x.py":["a\n",1],"y":["",0]},"functions":{"f":["/x.py",1]}},"z":"s"}"#,
                &[r#""/x.py"=["a\n",1]"#, r#""y"=["",0]"#, r#""functions":{"f":["/x.py",1]}"#, r#""z":"s""#],
            ),
        ] {
            assert_eq!(items(text), (expected.iter().map(|e| (*e).to_owned()).collect(), None), "{text}");
        }
    }

    #[test]
    fn what_came_before_damage_is_good() {
        for (text, good, offset) in [
            ("", 0, 0),
            ("   ", 0, 0),
            ("no", 0, 0),
            ("[1]", 0, 1),
            (r#"{"traceEvents":[{},{}"#, 2, 21),
            (r#"{"traceEvents":[{},{"a":"#, 1, 19),
            (r#"{"traceEvents":[{},{"a":"b\""#, 1, 19),
            (r#"{"traceEvents":[{},x]"#, 1, 19),
            (r#"{"traceEvents":[{}],"a""#, 1, 20),
            (r#"{"traceEvents":[{}],1:2}"#, 1, 20),
            (r#"{"traceEvents":[{}]"#, 1, 19),
        ] {
            let (items, problem) = items(text);
            assert_eq!((items.len(), problem.and_then(|problem| problem.offset)), (good, Some(offset)), "{text}");
        }
    }

    #[test]
    fn every_cut_of_a_document_ends() {
        let text =
            r#"{"traceEvents": [{"a": "\u0022"}, {"b": [1, {}]}], "file_info": {"files": {"p": ["t", 1]}}, "c": 1}"#;
        for length in 0..text.len() {
            assert!(items(&text[..length]).1.is_some(), "{length}");
        }
    }
}
