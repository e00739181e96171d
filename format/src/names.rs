//! NAMES segments: entries that follow each other, each a multiple of 8 bytes long.
//!
//! ```text
//!  0  tag: 8 bits | flags: 8 bits | reserved: 16 bits | size of the entry: 32 bits
//!  8  id: 32 bits | line: 32 bits
//! FUNCTION  16  name size: 32 bits | file size: 32 bits, then name and file, UTF-8
//! THREAD    16  tid | 24  begun | 32  ended | 40  events | 48  lost                    64 bits each, changing
//! others    16  name size: 32 bits | 0: 32 bits, then name
//! SOURCE    behind the name, in the last 32 bytes: device | inode | size | modified    64 bits each
//! ELIDED    16  0: 64 bits | 24  ticks: 64 bits
//! ESTIMATE  16  0: 64 bits | 24  bursts | 32  counted | 40  time | 48  calls | 56  error    64 bits each, changing
//! ```

mod entry;

use crate::error::FormatError;
use crate::sync::{AtomicU64, Ordering};
pub use entry::{Entry, entries};

/// Flag of a FUNCTION entry: a C function.
pub const C_FUNCTION: u8 = 1;
/// Flag: a string was longer than the segment and is cut.
pub const CUT: u8 = 2;
/// Flag of an ELIDED entry: only the C functions that the function calls itself are no longer recorded.
pub const C_CALLS: u8 = 1;
/// Bytes before the strings of an entry.
pub const ENTRY_HEADER_SIZE: usize = 24;
/// Bytes of a THREAD entry.
pub const THREAD_ENTRY_SIZE: usize = 56;
/// Bytes of a source file's identity, at the end of a SOURCE entry.
pub const SOURCE_IDENTITY_SIZE: usize = 32;
/// Bytes of an ELIDED entry.
pub const ELIDED_ENTRY_SIZE: usize = 32;
/// Bytes of an ESTIMATE entry.
pub const ESTIMATE_ENTRY_SIZE: usize = 64;
/// When a string must be cut, the file's path keeps all it needs and the name at least this many bytes.
const NAME_MIN: usize = 256;

/// What an entry names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Tag {
    /// A Python or C function.
    Function = 1,
    /// A thread and its counts.
    Thread = 2,
    /// A thread's name; the last one for a serial holds.
    ThreadName = 3,
    /// The process's name; the last one holds.
    ProcessName = 4,
    /// An asyncio task's name; the last one for a serial holds.
    TaskName = 5,
    /// A source file, as it was when its first function was named.
    Source = 6,
    /// A function whose calls are no longer recorded.
    Elided = 7,
    /// About how many calls of such a function there were.
    Estimate = 8,
}

/// About how many calls of an elided function there were, which were counted in short bursts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// How many bursts there were.
    pub bursts: u64,
    /// Calls that were counted in them.
    pub counted: u64,
    /// Processor time of the bursts, in ns.
    pub time: u64,
    /// About how many calls there were from the elision to the end of the last burst, or to the end of the recording.
    pub calls: u64,
    /// The standard error of that.
    pub error: u64,
}

impl Estimate {
    /// Where its words begin in an entry.
    pub const OFFSET: usize = 24;

    /// Its words as they stand in an entry.
    pub fn words(&self) -> [u64; 5] {
        let Estimate { bursts, counted, time, calls, error } = *self;
        [bursts, counted, time, calls, error]
    }
}

/// What distinguishes a file from others, and from what it was before it was changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceIdentity {
    /// Number of the device it is on.
    pub device: u64,
    /// Number of its inode there.
    pub inode: u64,
    /// Its bytes.
    pub size: u64,
    /// When it was last modified, in nanoseconds since 1970; two's complement before.
    pub modified: u64,
}

/// A function, as its name stands in reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Function<'a> {
    /// Qualified name.
    pub name: &'a str,
    /// Path of the source; empty for a C function.
    pub file: &'a str,
    /// First line; 0 for a C function.
    pub line: u32,
    /// Whether it is a C function.
    pub is_c: bool,
}

/// The bytes of a FUNCTION entry that is at most `max` bytes long; longer strings are cut and flagged.
pub fn function_entry(id: u32, function: &Function<'_>, max: usize) -> Vec<u8> {
    let space = max.saturating_sub(ENTRY_HEADER_SIZE + 7);
    let file = cut(function.file, space.saturating_sub(function.name.len().min(NAME_MIN)));
    let name = cut(function.name, space - file.len());
    let whole = name.len() == function.name.len() && file.len() == function.file.len();
    let flags = if function.is_c { C_FUNCTION } else { 0 } | if whole { 0 } else { CUT };
    entry(Tag::Function, flags, id, function.line, name, file)
}

/// The name in a FUNCTION entry.
pub fn function_name(function: &[u8]) -> Option<&str> {
    match entries(function, 0).next() {
        Some(Ok(Entry::Function { function, .. })) => Some(function.name),
        _ => None,
    }
}

/// Whether these are the bytes of a FUNCTION entry of a C function.
pub fn is_c_function(function: &[u8]) -> bool {
    function.first() == Some(&(Tag::Function as u8)) && function.get(1).is_some_and(|flags| flags & C_FUNCTION != 0)
}

/// The source path in a FUNCTION entry; `None` if the function has none, or if the entry was cut.
pub fn whole_path(function: &[u8]) -> Option<&str> {
    let is_whole = |bytes: &[u8]| bytes.get(1).is_some_and(|flags| flags & CUT == 0);
    match entries(function, 0).next() {
        Some(Ok(Entry::Function { function: Function { file, .. }, .. })) => {
            Some(file).filter(|file| !file.is_empty() && is_whole(function))
        }
        _ => None,
    }
}

/// The bytes of an entry of another kind, which names a thread, the process or a task, that is at most `max` bytes
/// long.
pub fn name_entry(tag: Tag, id: u32, name: &str, max: usize) -> Vec<u8> {
    let kept = cut(name, max.saturating_sub(ENTRY_HEADER_SIZE + 7));
    let flags = if kept.len() == name.len() { 0 } else { CUT };
    entry(tag, flags, id, 0, kept, "")
}

/// The bytes of a SOURCE entry; `None` if it does not fit `max` bytes, as a path that is cut is another one.
pub fn source_entry(path: &str, identity: &SourceIdentity, max: usize) -> Option<Vec<u8>> {
    let mut bytes = entry(Tag::Source, 0, 0, 0, path, "");
    let SourceIdentity { device, inode, size, modified } = *identity;
    for word in [device, inode, size, modified] {
        bytes.extend(word.to_le_bytes());
    }
    let length = bytes.len() as u32;
    bytes[4..8].copy_from_slice(&length.to_le_bytes());
    (bytes.len() <= max).then_some(bytes)
}

/// The bytes of a THREAD entry; its counts are zero.
pub fn thread_entry(serial: u32, tid: u64, begun: u64) -> [u8; THREAD_ENTRY_SIZE] {
    let mut bytes = [0; THREAD_ENTRY_SIZE];
    bytes[0] = Tag::Thread as u8;
    bytes[4..8].copy_from_slice(&(THREAD_ENTRY_SIZE as u32).to_le_bytes());
    bytes[8..12].copy_from_slice(&serial.to_le_bytes());
    bytes[16..24].copy_from_slice(&tid.to_le_bytes());
    bytes[24..32].copy_from_slice(&begun.to_le_bytes());
    bytes
}

/// The bytes of an ELIDED entry: from `ticks` on, calls of this function are not recorded, and neither are those of C
/// functions that it calls itself. With `only_c_calls`, its own calls are recorded, and some or all of the others are not.
pub fn elided_entry(id: u32, only_c_calls: bool, ticks: u64) -> [u8; ELIDED_ENTRY_SIZE] {
    let mut bytes = [0; ELIDED_ENTRY_SIZE];
    bytes[0] = Tag::Elided as u8;
    bytes[1] = if only_c_calls { C_CALLS } else { 0 };
    bytes[4..8].copy_from_slice(&(ELIDED_ENTRY_SIZE as u32).to_le_bytes());
    bytes[8..12].copy_from_slice(&id.to_le_bytes());
    bytes[24..32].copy_from_slice(&ticks.to_le_bytes());
    bytes
}

/// The bytes of an ESTIMATE entry of the function with this id.
pub fn estimate_entry(id: u32, estimate: &Estimate) -> [u8; ESTIMATE_ENTRY_SIZE] {
    let mut bytes = [0; ESTIMATE_ENTRY_SIZE];
    bytes[0] = Tag::Estimate as u8;
    bytes[4..8].copy_from_slice(&(ESTIMATE_ENTRY_SIZE as u32).to_le_bytes());
    bytes[8..12].copy_from_slice(&id.to_le_bytes());
    for (to, word) in bytes[Estimate::OFFSET..].chunks_exact_mut(8).zip(estimate.words()) {
        to.copy_from_slice(&word.to_le_bytes());
    }
    bytes
}

/// The words of a THREAD entry that its thread changes, in place: from byte 32 of the entry on.
#[repr(C)]
#[derive(Debug, Default)]
pub struct ThreadCounts {
    /// Ticks at the thread's end, 0 while it lives.
    pub ended: AtomicU64,
    /// Events in all segments that the thread has left behind, recycled ones included.
    pub events: AtomicU64,
    /// Events that the file had no space for.
    pub lost: AtomicU64,
}

impl ThreadCounts {
    /// Where the changing words begin in a THREAD entry.
    pub const OFFSET: usize = 32;

    /// Adds events that the file had no space for.
    pub fn lose(&self, events: u64) {
        self.lost.store(self.lost.load(Ordering::Relaxed) + events, Ordering::Relaxed);
    }
}

fn entry(tag: Tag, flags: u8, id: u32, line: u32, first: &str, second: &str) -> Vec<u8> {
    let size = (ENTRY_HEADER_SIZE + first.len() + second.len()).next_multiple_of(8);
    let mut bytes = Vec::with_capacity(size);
    bytes.extend([tag as u8, flags, 0, 0]);
    for word in [size as u32, id, line, first.len() as u32, second.len() as u32] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend(first.as_bytes());
    bytes.extend(second.as_bytes());
    bytes.resize(size, 0);
    bytes
}

/// The longest beginning of `text` that has at most `max` bytes and ends between characters.
pub(crate) fn cut(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}

/// The text in these bytes, which stand at `offset` of the file.
pub(crate) fn text(bytes: &[u8], offset: u64) -> Result<&str, FormatError> {
    std::str::from_utf8(bytes).map_err(|error| FormatError::Field {
        field: "UTF-8 text",
        offset,
        value: error.valid_up_to() as u64,
    })
}

#[cfg(test)]
mod tests;
