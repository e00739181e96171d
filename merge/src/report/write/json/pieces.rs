//! Pieces of events that are prepared once per file: for a thread, the text up to the time; for a function, the text
//! from the name on. Events are put together by copying them.

use super::super::by_id::ById;
use super::super::text::Text;
use crate::text::display::{UNKNOWN_FUNCTION, function_name};
use viztracer_format::names::Function;

const CATEGORY: &[u8] = br#","cat":"FEE"}"#;
/// Pieces are copied in chunks of this size, which is faster than a call of `memcpy`.
const CHUNK: usize = 32;
/// The largest size that is always copied by a few moves of the processor, even in code that is compiled for size.
const BLOCK: usize = 64;
/// No prefix is longer.
const PREFIX_MAX: usize = BLOCK;
/// Most names are not longer.
const NAME_USUAL: usize = 2 * BLOCK;
/// The most bytes that copying a prefix and a name writes, besides the name's own.
pub const COPIED_MAX: usize = PREFIX_MAX + NAME_USUAL + CHUNK;

/// The text of an event up to its time. With two numbers of 32 bits it is shorter than `PREFIX_MAX`.
#[derive(Clone, Debug)]
pub struct EventPrefix {
    bytes: [u8; PREFIX_MAX],
    len: usize,
}

impl EventPrefix {
    /// Makes the prefix of a thread's events.
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

    /// Copies the prefix to the begin of `out`, which has space for [`COPIED_MAX`] bytes, and returns the index behind
    /// it.
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

/// The text of events from the name on, by function id.
#[derive(Debug)]
pub struct FunctionTexts {
    bytes: Text,
    /// The begin and the length of each text in `bytes`.
    spans: ById<(usize, usize)>,
    unknown: (usize, usize),
}

/// The text of one function, with scratch behind it.
#[derive(Clone, Copy)]
pub struct FunctionText<'a> {
    bytes: &'a [u8],
    length: usize,
}

impl Default for FunctionTexts {
    fn default() -> FunctionTexts {
        let mut functions = FunctionTexts { bytes: Text::default(), spans: ById::default(), unknown: (0, 0) };
        functions.unknown = functions.text(UNKNOWN_FUNCTION, "", 0);
        functions
    }
}

impl FunctionTexts {
    /// Prepares a function's text.
    pub fn add(&mut self, id: u32, function: &Function<'_>) {
        let span = self.text(function.name, function.file, function.line);
        self.spans.insert(id, span);
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
        let (begin, length) = self.spans.get(id).unwrap_or(self.unknown);
        FunctionText { bytes: self.bytes.bytes.get(begin..).unwrap_or_default(), length }
    }
}

impl<'a> FunctionText<'a> {
    /// How many bytes the text has.
    pub fn len(self) -> usize {
        self.length
    }

    /// The text of the name alone.
    pub fn bare(self) -> &'a [u8] {
        self.bytes.get(..self.length - CATEGORY.len()).unwrap_or_default()
    }

    /// Copies the text to `at`, and returns the index behind it. There must be space for [`COPIED_MAX`] bytes more than
    /// the text has.
    #[inline]
    pub fn copy(self, out: &mut [u8], at: usize) -> usize {
        copy::<NAME_USUAL>(out, at, self.bytes, self.length)
    }
}

/// Copies the first `len` bytes of `from` to `at`, and returns the index behind them.
///
/// ```text
/// from   |--- text, len bytes ---|-- scratch --|
/// out    |-- ALWAYS bytes --|- CHUNK -|- CHUNK -|     copied; the next piece overwrites the scratch
/// ```
///
/// The first `ALWAYS` bytes, one or two blocks, are copied whatever `len` is. Lengths change from event to event, and a
/// mispredicted branch costs more than a few bytes of scratch.
#[inline]
fn copy<const ALWAYS: usize>(out: &mut [u8], at: usize, from: &[u8], len: usize) -> usize {
    copy_chunk::<BLOCK>(out, at, from, 0);
    if ALWAYS > BLOCK {
        copy_chunk::<BLOCK>(out, at + BLOCK, from, BLOCK);
    }
    let mut copied = ALWAYS;
    while copied < len {
        copy_chunk::<CHUNK>(out, at + copied, from, copied);
        copied += CHUNK;
    }
    at + len
}

/// Copies `SIZE` bytes of `from`, beginning at `begin`, to `at`. A fixed size is a few moves of the processor.
#[inline]
fn copy_chunk<const SIZE: usize>(out: &mut [u8], at: usize, from: &[u8], begin: usize) {
    let chunk: &[u8; SIZE] = from[begin..].first_chunk().expect("pieces end with scratch");
    out[at..at + SIZE].copy_from_slice(chunk);
}
