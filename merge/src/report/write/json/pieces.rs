//! What is prepared once per file: of a thread, all of an event up to its time; of a function, all from the name on.

use super::super::by_id::ById;
use super::super::text::Text;
use crate::text::display::{UNKNOWN_FUNCTION, function_name};
use viztracer_format::names::Function;

const CATEGORY: &[u8] = br#","cat":"FEE"}"#;
/// Pieces are copied in chunks of this size: a few moves of the processor in the place of a call of `memcpy`.
const CHUNK: usize = 32;
/// No prefix is longer.
const PREFIX_MAX: usize = 64;
/// Most names are not longer.
const NAME_USUAL: usize = 128;
/// Bytes that copying writes, besides the name's own, at the most.
pub const COPIED_MAX: usize = PREFIX_MAX + NAME_USUAL + CHUNK;

/// What an event begins with. Two numbers of 32 bits leave it shorter than its room, which is read as a whole.
#[derive(Clone, Debug)]
pub struct EventPrefix {
    bytes: [u8; PREFIX_MAX],
    len: usize,
}

impl EventPrefix {
    /// All of an event up to its time.
    pub fn new(pid: u32, tid: u32) -> EventPrefix {
        let mut prefix = EventPrefix { bytes: [0; PREFIX_MAX], len: 0 };
        prefix.put(b",\n{\"pid\":");
        prefix.put(itoa::Buffer::new().format(pid).as_bytes());
        prefix.put(b",\"tid\":");
        prefix.put(itoa::Buffer::new().format(tid).as_bytes());
        prefix.put(b",\"ts\":");
        prefix
    }

    /// The text.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// Copies it to the begin of `out`, which has room for [`COPIED_MAX`] bytes, and gives the place behind it.
    #[inline]
    pub fn copy(&self, out: &mut [u8]) -> usize {
        copy::<PREFIX_MAX>(out, 0, &self.bytes, self.len)
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.bytes[self.len..][..bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }
}

/// The text from the name on, by function id.
#[derive(Debug)]
pub struct FunctionTexts {
    bytes: Text,
    /// Begin and length in `bytes`.
    places: ById<(usize, usize)>,
    unknown: (usize, usize),
}

/// The text of one function, and scratch behind it.
#[derive(Clone, Copy)]
pub struct FunctionText<'a> {
    bytes: &'a [u8],
    length: usize,
}

impl Default for FunctionTexts {
    fn default() -> FunctionTexts {
        let mut functions = FunctionTexts { bytes: Text::default(), places: ById::default(), unknown: (0, 0) };
        functions.unknown = functions.text(UNKNOWN_FUNCTION, "", 0);
        functions
    }
}

impl FunctionTexts {
    /// Prepares a function's text.
    pub fn add(&mut self, id: u32, function: &Function<'_>) {
        let place = self.text(function.name, function.file, function.line);
        self.places.insert(id, place);
    }

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

    /// The text of a function.
    #[inline]
    pub fn get(&self, id: u32) -> FunctionText<'_> {
        let (begin, length) = self.places.get(id).unwrap_or(self.unknown);
        FunctionText { bytes: self.bytes.bytes.get(begin..).unwrap_or_default(), length }
    }
}

impl<'a> FunctionText<'a> {
    /// Its bytes.
    pub fn len(self) -> usize {
        self.length
    }

    /// The text of the name alone.
    pub fn bare(self) -> &'a [u8] {
        self.bytes.get(..self.length - CATEGORY.len()).unwrap_or_default()
    }

    /// Copies the text to a place, behind which there is room for [`COPIED_MAX`] bytes more than it has, and gives the
    /// place behind it.
    #[inline]
    pub fn copy(self, out: &mut [u8], at: usize) -> usize {
        copy::<NAME_USUAL>(out, at, self.bytes, self.length)
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
