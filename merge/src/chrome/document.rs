//! A trace document taken apart while it is read: its events one by one, and whatever else it holds, each as its own
//! text.
//!
//! ```text
//! {"traceEvents":[event, event, ...], "file_info":{"files":{path: source, ...}, ...}, key: value, ...}
//! [event, event, ...
//! ```
//!
//! Only the structure is looked at here. The array form may lack its end, as the program that writes it may die.
//! Otherwise a missing end is a problem, and what came before it is still good.

use super::value::ValueScanner;
use crate::error::{Problem, sentence};
use std::io::{self, Read};
use std::ops::Range;

/// The largest event, source file or other value, in bytes.
const VALUE_MAX: usize = 64 << 20;
/// Bytes that are read at once; few in tests, so that each kind of text is cut once.
const READ: u64 = if cfg!(test) { 3 } else { 256 << 10 };

/// A document being read.
pub struct Document<R> {
    reader: R,
    buffer: Vec<u8>,
    /// Where the current item begins in the buffer. Positions in methods count from here.
    at: usize,
    /// The length of the current item; that of an event is known when its reader has found it.
    length: usize,
    /// Bytes of the document before the buffer.
    before: u64,
    /// Whether the buffer ends where the document does.
    is_whole: bool,
    /// Why the document ends there, if that is an error.
    failure: Option<io::Error>,
    position: Position,
}

/// A part of the document, as JSON text.
#[derive(Debug, PartialEq, Eq)]
pub enum DocumentItem<'a> {
    /// An event, with which [`Document::rest`] begins. Its reader must say how long it is: [`Document::take`].
    Event,
    /// A source file: its path, in quotes, and what the document says of it.
    Source(&'a [u8], &'a [u8]),
    /// Any other member of the document: its key, in quotes, and its value.
    Member(&'a [u8], &'a [u8]),
}

/// Which list of items is being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    /// Nothing was read yet.
    Begin,
    /// The members of the document.
    Top,
    /// The array of events in a document with other members.
    Events,
    /// The array of events that is the whole document.
    EventsAlone,
    /// The members of `file_info`.
    FileInfo,
    /// The source files in it.
    Files,
    /// There is nothing more to read.
    End,
}

/// Where a key and its value are.
type MemberRange = (Range<usize>, Range<usize>);

impl<R: Read> Document<R> {
    /// A document from its first byte on.
    pub fn new(reader: R) -> Document<R> {
        let (buffer, position) = (Vec::new(), Position::Begin);
        Document { reader, buffer, at: 0, length: 0, before: 0, is_whole: false, failure: None, position }
    }

    /// Where the last item begins, in bytes from the begin of the document.
    pub fn offset(&self) -> u64 {
        self.before + self.at as u64
    }

    /// The next item; after a problem there is none.
    pub fn next(&mut self) -> Result<Option<DocumentItem<'_>>, Problem> {
        let behind = std::mem::take(&mut self.length);
        self.skip(behind);
        loop {
            // If anything fails from here on, this stays the end.
            let position = std::mem::replace(&mut self.position, Position::End);
            match position {
                Position::End => return Ok(None),
                Position::Begin => self.position = self.begin()?,
                Position::Events | Position::EventsAlone => {
                    if self.is_at_event(position)? {
                        return Ok(Some(DocumentItem::Event));
                    }
                }
                Position::Top | Position::FileInfo | Position::Files => {
                    if let Some((key, value)) = self.member(position)? {
                        let (key, value) = (self.bytes(key), self.bytes(value));
                        let is_source = position == Position::Files;
                        let item = if is_source { DocumentItem::Source } else { DocumentItem::Member };
                        return Ok(Some(item(key, value)));
                    }
                }
            }
        }
    }

    /// Goes to the next event; false if there is none, and the position has changed.
    fn is_at_event(&mut self, position: Position) -> Result<bool, Problem> {
        match self.first_after_comma()? {
            Some(b'{') => {
                self.position = position;
                Ok(true)
            }
            Some(b']') => {
                self.skip(1);
                self.position = position.outside();
                Ok(false)
            }
            None if position == Position::EventsAlone => Ok(false),
            None => Err(self.problem("cut off among the events")),
            Some(_) => Err(self.problem("not an event")),
        }
    }

    /// Goes to the next member of an object. `None` if the object has ended, or the value's parts are items of their
    /// own: then the position has changed.
    fn member(&mut self, position: Position) -> Result<Option<MemberRange>, Problem> {
        match self.first_after_comma()? {
            Some(b'}') => {
                self.skip(1);
                self.position = position.outside();
                Ok(None)
            }
            Some(b'"') => {
                let (key, value) = self.key()?;
                let first = self.byte_at(value)?;
                if let Some(inside) = position.inside(self.bytes(key.clone()), first) {
                    self.skip(value + 1);
                    self.position = inside;
                    return Ok(None);
                }
                self.length = self.value_end(value)?;
                self.position = position;
                Ok(Some((key, value..self.length)))
            }
            None => Err(self.problem("cut off")),
            Some(_) => Err(self.problem("not a key")),
        }
    }

    /// The bytes of the document that were read, from the last item on.
    pub fn rest(&self) -> &[u8] {
        self.buffer.get(self.at..).unwrap_or_default()
    }

    /// Sets the length of the current event.
    pub fn take(&mut self, length: usize) {
        self.length = length;
    }

    /// Finds the end of the current event, whatever is in it. If it has none, there are no more items.
    pub fn pass_over(&mut self) -> Result<(), Problem> {
        let position = std::mem::replace(&mut self.position, Position::End);
        self.length = self.value_end(0)?;
        self.position = position;
        Ok(())
    }

    /// Goes to the first item.
    fn begin(&mut self) -> Result<Position, Problem> {
        if self.byte_at(2)?.is_some() && self.bytes(0..3) == "\u{feff}".as_bytes() {
            self.skip(3);
        }
        let position = match self.first_after(0)? {
            (_, Some(b'{')) => Position::Top,
            (_, Some(b'[')) => Position::EventsAlone,
            (_, Some(_)) => return Err(self.problem("neither an object nor an array")),
            (_, None) => return Err(self.problem("there is nothing in it")),
        };
        let (begin, _) = self.first_after(0)?;
        self.skip(begin + 1);
        Ok(position)
    }

    /// Goes to the next item, and returns its first byte.
    fn first_after_comma(&mut self) -> Result<Option<u8>, Problem> {
        let (mut begin, mut first) = self.first_after(0)?;
        if first == Some(b',') {
            (begin, first) = self.first_after(begin + 1)?;
        }
        self.skip(begin);
        Ok(first)
    }

    /// Where the key is that begins here, and where its value begins.
    fn key(&mut self) -> Result<(Range<usize>, usize), Problem> {
        let end = self.value_end(0)?;
        match self.first_after(end)? {
            (colon, Some(b':')) => Ok((0..end, self.first_after(colon + 1)?.0)),
            (_, None) => Err(self.problem("cut off in a key")),
            _ => Err(self.problem("a key without a value")),
        }
    }

    /// Where the first byte is that is no white space, and that byte.
    fn first_after(&mut self, mut from: usize) -> Result<(usize, Option<u8>), Problem> {
        loop {
            match self.byte_at(from)? {
                Some(b' ' | b'\t' | b'\n' | b'\r') => from += 1,
                other => return Ok((from, other)),
            }
        }
    }

    /// Where the value ends that begins at `begin`.
    fn value_end(&mut self, begin: usize) -> Result<usize, Problem> {
        let mut value = ValueScanner::default();
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

    fn byte_at(&mut self, position: usize) -> Result<Option<u8>, Problem> {
        while self.buffer.len() <= self.at + position {
            if !self.read_more()? {
                return Ok(None);
            }
        }
        Ok(self.buffer.get(self.at + position).copied())
    }

    fn skip(&mut self, bytes: usize) {
        self.at += bytes;
    }

    /// Reads on, and returns whether there was more. The items before the current one are dropped.
    pub fn read_more(&mut self) -> Result<bool, Problem> {
        if self.is_whole {
            let failure = self.failure.take().map(|error| self.problem(sentence(&error)));
            self.position = if failure.is_some() { Position::End } else { self.position };
            return failure.map_or(Ok(false), Err);
        }
        let behind = self.at.min(self.buffer.len());
        self.buffer.drain(..behind);
        (self.at, self.before) = (self.at - behind, self.before + behind as u64);
        let known = self.buffer.len();
        if known > VALUE_MAX {
            self.position = Position::End;
            return Err(self.problem(format!("longer than {} MiB", VALUE_MAX >> 20)));
        }
        // Twice as much each time, since a long event is scanned again after each read.
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

impl Position {
    /// The position inside a value whose parts are items of their own.
    fn inside(self, key: &[u8], first: Option<u8>) -> Option<Position> {
        match (self, key, first) {
            (Position::Top, br#""traceEvents""#, Some(b'[')) => Some(Position::Events),
            (Position::Top, br#""file_info""#, Some(b'{')) => Some(Position::FileInfo),
            (Position::FileInfo, br#""files""#, Some(b'{')) => Some(Position::Files),
            _ => None,
        }
    }

    /// The position after the end of this list.
    fn outside(self) -> Position {
        match self {
            Position::Files => Position::FileInfo,
            Position::FileInfo | Position::Events => Position::Top,
            _ => Position::End,
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
                Ok(Some(DocumentItem::Event)) => match document.pass_over() {
                    Err(problem) => return (items, Some(problem)),
                    Ok(()) => items.push(shown(&document.rest()[..document.length])),
                },
                Ok(Some(DocumentItem::Source(path, source))) => {
                    items.push(format!("{}={}", shown(path), shown(source)))
                }
                Ok(Some(DocumentItem::Member(key, value))) => items.push(format!("{}:{}", shown(key), shown(value))),
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
