//! Reading the entries of a NAMES segment, which may hold anything.

use super::{
    C_CALLS, C_FUNCTION, ELIDED_ENTRY_SIZE, ENTRY_HEADER_SIZE, ESTIMATE_ENTRY_SIZE, Estimate, Function,
    SOURCE_IDENTITY_SIZE, SourceIdentity, THREAD_ENTRY_SIZE, Tag, text,
};
use crate::error::FormatError;

/// An entry that was read and checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry<'a> {
    /// Function `id`.
    Function {
        /// The id that records carry.
        id: u32,
        /// Whose name it is.
        function: Function<'a>,
    },
    /// A thread.
    Thread {
        /// The number that segments and stacks carry; never used twice in a file.
        serial: u32,
        /// The operating system's id.
        tid: u64,
        /// Ticks at its first event.
        begun: u64,
        /// Ticks at its end, 0 if it lives.
        ended: u64,
        /// Events in the segments it has left behind.
        events: u64,
        /// Events that the file had no space for.
        lost: u64,
    },
    /// A thread's name.
    ThreadName {
        /// Whose.
        serial: u32,
        /// The name.
        name: &'a str,
    },
    /// The process's name.
    ProcessName(&'a str),
    /// An asyncio task's name.
    TaskName {
        /// Whose.
        serial: u32,
        /// The name.
        name: &'a str,
    },
    /// How a child process ended. Only labels contain these.
    Child {
        /// Its pid, in the pid namespace of the process whose file this is.
        pid: u32,
        /// What waitpid(2) gives as its status.
        status: u64,
        /// `CLOCK_MONOTONIC` in ns when the process had waited for it.
        waited: u64,
    },
    /// A source file of functions.
    Source {
        /// Its path, as in FUNCTION entries.
        path: &'a str,
        /// What the path led to.
        identity: SourceIdentity,
    },
    /// A function whose calls are no longer recorded.
    Elided {
        /// The function's id.
        function: u32,
        /// Whether calls of the function are recorded, and only some or all calls of C functions that it makes itself are
        /// missing.
        only_c_calls: bool,
        /// Ticks when that began.
        ticks: u64,
    },
    /// About how many calls of such a function there were.
    Estimate {
        /// The function's id.
        function: u32,
        /// The estimate.
        estimate: Estimate,
    },
    /// An entry of a later version, to be passed over.
    Unknown(u8),
}

/// The entries in the committed part of a NAMES body that begins at `offset` of the file. One of a bad size ends it.
pub fn entries(body: &[u8], offset: u64) -> impl Iterator<Item = Result<Entry<'_>, FormatError>> {
    let mut rest = body;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let at = offset + (body.len() - rest.len()) as u64;
        match split_entry(rest, at) {
            Ok((entry, after)) => {
                rest = after;
                Some(parse_entry(entry, at))
            }
            Err(error) => {
                rest = &[];
                Some(Err(error))
            }
        }
    })
}

fn split_entry(rest: &[u8], offset: u64) -> Result<(&[u8], &[u8]), FormatError> {
    let too_short = |need| FormatError::TooShort { offset, need, found: rest.len() as u64 };
    let size = read_u32(rest, 4).ok_or_else(|| too_short(ENTRY_HEADER_SIZE as u64))? as usize;
    if size < ENTRY_HEADER_SIZE || !size.is_multiple_of(8) {
        return Err(FormatError::Field { field: "entry size", offset: offset + 4, value: size as u64 });
    }
    rest.split_at_checked(size).ok_or_else(|| too_short(size as u64))
}

fn parse_entry(entry: &[u8], offset: u64) -> Result<Entry<'_>, FormatError> {
    let word = |at| read_u32(entry, at).unwrap_or(0);
    let long = |at| u64::from(word(at)) | u64::from(word(at + 4)) << 32;
    let (flags, id, line) = (entry[1], word(8), word(12));
    let need = |size| match entry.len() < size {
        true => Err(FormatError::Field { field: "entry size", offset: offset + 4, value: entry.len() as u64 }),
        false => Ok(()),
    };
    if entry[0] == Tag::Elided as u8 {
        need(ELIDED_ENTRY_SIZE)?;
        return Ok(Entry::Elided { function: id, only_c_calls: flags & C_CALLS != 0, ticks: long(24) });
    }
    if entry[0] == Tag::Estimate as u8 {
        need(ESTIMATE_ENTRY_SIZE)?;
        let [bursts, counted, time, calls, error] = [24, 32, 40, 48, 56].map(long);
        return Ok(Entry::Estimate { function: id, estimate: Estimate { bursts, counted, time, calls, error } });
    }
    if entry[0] == Tag::Thread as u8 {
        need(THREAD_ENTRY_SIZE)?;
        let (tid, begun, ended, events, lost) = (long(16), long(24), long(32), long(40), long(48));
        return Ok(Entry::Thread { serial: id, tid, begun, ended, events, lost });
    }
    let (first, second) = (word(16) as usize, word(20) as usize);
    let strings = &entry[ENTRY_HEADER_SIZE..];
    if first.saturating_add(second) > strings.len() {
        return Err(FormatError::Field { field: "name size", offset: offset + 16, value: first as u64 });
    }
    let at = offset + ENTRY_HEADER_SIZE as u64;
    let (name, file) = (text(&strings[..first], at)?, text(&strings[first..first + second], at)?);
    Ok(match entry[0] {
        tag if tag == Tag::Function as u8 => {
            Entry::Function { id, function: Function { name, file, line, is_c: flags & C_FUNCTION != 0 } }
        }
        tag if tag == Tag::ThreadName as u8 => Entry::ThreadName { serial: id, name },
        tag if tag == Tag::ProcessName as u8 => Entry::ProcessName(name),
        tag if tag == Tag::TaskName as u8 => Entry::TaskName { serial: id, name },
        tag if tag == Tag::Source as u8 => {
            let at = entry.len() - SOURCE_IDENTITY_SIZE.min(entry.len());
            if at < ENTRY_HEADER_SIZE + name.len() {
                return Err(FormatError::Field { field: "name size", offset: offset + 16, value: first as u64 });
            }
            let [device, inode, size, modified] = [at, at + 8, at + 16, at + 24].map(long);
            Entry::Source { path: name, identity: SourceIdentity { device, inode, size, modified } }
        }
        tag => Entry::Unknown(tag),
    })
}

fn read_u32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
