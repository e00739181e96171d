//! The control block of a session: a page of named shared memory that says what the session is, and in which its
//! processes count themselves. `CONTROL.md` beside this crate describes the bytes.
//!
//! ```text
//!    0  Description  what the session is; never changes; ends with a CRC-32
//!  256  Counts       what its processes count, in atomic words
//!  288  SwitchWords  by which its processes are switched, and marks, in atomic words
//! 1024  directory    where the ring files are, then the command line of the first process, NUL after each argument
//! ```

use crate::error::FormatError;
use crate::sync::{AtomicU64, Ordering, fence};
use bytemuck::{Pod, Zeroable};
use std::mem::offset_of;

pub use switches::{MARK_NAME_MAX, MARK_SLOTS, Mark, MarkSlot, SWITCHES_OFFSET, SwitchWords, Switches, Wanted};

/// The first bytes of every control block.
pub const MAGIC: [u8; 8] = *b"VIZCTRL\n";
/// The version that this crate writes and reads. Blocks before version 2 had no description.
pub const VERSION: u32 = 2;
/// Bytes of a block.
pub const BLOCK_SIZE: usize = 4096;
/// Where [`Counts`] stands.
pub const COUNTS_OFFSET: usize = 256;
/// Where the directory stands, and the command line behind it.
pub const TEXT_OFFSET: usize = 1024;
/// The most bytes of both.
pub const TEXT_MAX: usize = BLOCK_SIZE - TEXT_OFFSET;

/// The part of a block that never changes. `CONTROL.md` says what each field means.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[allow(missing_docs, reason = "CONTROL.md is the one description; a test ties its table to these fields")]
pub struct Description {
    pub magic: [u8; 8],
    pub version: u32,
    pub pid: u32,
    pub session_id: [u8; 16],
    pub boot_id: [u8; 16],
    pub process_start: u64,
    pub pid_namespace: u64,
    pub created: u64,
    pub directory_size: u32,
    pub command_size: u32,
    pub reserved: [[u8; 24]; 7],
    pub padding: u32,
    pub crc: u32,
}
const _: () = assert!(size_of::<Description>() == COUNTS_OFFSET);

/// Offset of [`Description::crc`].
const CRC_OFFSET: usize = offset_of!(Description, crc);

/// What the processes of a session count.
#[repr(C)]
#[derive(Debug, Default)]
pub struct Counts {
    /// 1: the first process merges what there is, and no other may join.
    pub over: AtomicU64,
    /// Processes that record.
    pub joined: AtomicU64,
    /// Processes that should record and cannot.
    pub refused: AtomicU64,
    /// Messages that a process has printed, of those that a session prints once. One bit for each.
    pub messages: AtomicU64,
}

impl Counts {
    /// Counts a process that begins to record. `false`: the session is over, and the process is not counted.
    pub fn join(&self) -> bool {
        // Counted first, because the first process waits for those it sees; a process that is too late takes itself out.
        self.joined.fetch_add(1, Ordering::AcqRel);
        fence(Ordering::SeqCst); // of this and the one in `end`, one is first: its process is seen by the other
        let is_over = self.over.load(Ordering::Acquire) != 0;
        if is_over {
            self.joined.fetch_sub(1, Ordering::AcqRel);
        }
        !is_over
    }

    /// Counts a process that has joined as one that cannot record.
    pub fn refuse(&self) {
        self.joined.fetch_sub(1, Ordering::AcqRel);
        self.refused.fetch_add(1, Ordering::AcqRel);
    }

    /// Ends the session. Returns how many have joined, and how many were refused: nobody joins it any more.
    pub fn end(&self) -> (u64, u64) {
        self.over.store(1, Ordering::Release);
        fence(Ordering::SeqCst);
        (self.joined.load(Ordering::Acquire), self.refused.load(Ordering::Acquire))
    }
}

/// The bit of the message that only the main interpreter is recorded, in [`Counts::messages`].
pub const INTERPRETERS_MESSAGE: u64 = 1;
/// The bit of the message that greenlets of a thread share its track.
pub const GREENLETS_MESSAGE: u64 = 2;

impl Description {
    /// A description of this version with every other field zero.
    pub fn new() -> Description {
        Description { magic: MAGIC, version: VERSION, ..Zeroable::zeroed() }
    }

    /// The bytes of a new block. A directory that does not fit is left out, since a part of it would be another one; a
    /// command line is cut. Both sizes and the CRC are filled in.
    pub fn to_block(mut self, directory: &[u8], command: &[u8]) -> Box<[u8; BLOCK_SIZE]> {
        let directory = if directory.len() <= TEXT_MAX { directory } else { &[] };
        let command = &command[..command.len().min(TEXT_MAX - directory.len())];
        let mut block = Box::new([0; BLOCK_SIZE]);
        block[TEXT_OFFSET..][..directory.len()].copy_from_slice(directory);
        block[TEXT_OFFSET + directory.len()..][..command.len()].copy_from_slice(command);
        self.directory_size = directory.len() as u32;
        self.command_size = command.len() as u32;
        block[..COUNTS_OFFSET].copy_from_slice(bytemuck::bytes_of(&self));
        let crc = checksum(&block[..], directory.len() + command.len());
        block[CRC_OFFSET..][..4].copy_from_slice(&crc.to_le_bytes());
        block
    }
}

impl Default for Description {
    fn default() -> Description {
        Description::new()
    }
}

/// CRC-32 of all that never changes: the description up to its CRC, then the texts.
fn checksum(block: &[u8], text_size: usize) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&block[..CRC_OFFSET]);
    hasher.update(&block[TEXT_OFFSET..][..text_size]);
    hasher.finalize()
}

/// What a block says, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The unchanging part.
    pub description: Description,
    /// Where the ring files are; empty if the block has no room for it.
    pub directory: Vec<u8>,
    /// The command line of the first process, one entry per argument.
    pub command: Vec<String>,
    /// [`Counts::joined`] when the block was read.
    pub joined: u64,
    /// [`Counts::refused`] then.
    pub refused: u64,
    /// What the processes of the session should do then.
    pub wanted: Wanted,
}

impl Session {
    /// Reads a copy of a block.
    ///
    /// # Errors
    /// It is too short, of another kind or version, or damaged.
    pub fn parse(bytes: &[u8]) -> Result<Session, FormatError> {
        let begin = bytes.len().min(MAGIC.len());
        if bytes[..begin] != MAGIC[..begin] {
            return Err(FormatError::Magic);
        }
        let too_short = FormatError::TooShort { offset: 0, need: BLOCK_SIZE as u64, found: bytes.len() as u64 };
        let block: &[u8; BLOCK_SIZE] = bytes.first_chunk().ok_or(too_short)?;
        let description: Description = bytemuck::pod_read_unaligned(&block[..COUNTS_OFFSET]);
        if description.version != VERSION {
            return Err(FormatError::Version(description.version));
        }
        let (directory_size, command_size) = (description.directory_size as usize, description.command_size as usize);
        if directory_size > TEXT_MAX {
            return Err(field("directory_size", offset_of!(Description, directory_size), description.directory_size));
        }
        if command_size > TEXT_MAX - directory_size {
            return Err(field("command_size", offset_of!(Description, command_size), description.command_size));
        }
        let computed = checksum(block, directory_size + command_size);
        if computed != description.crc {
            return Err(FormatError::HeaderChecksum { offset: CRC_OFFSET as u64, stored: description.crc, computed });
        }
        let text = &block[TEXT_OFFSET..];
        let [_, joined, refused]: [u64; 3] = bytemuck::pod_read_unaligned(&block[COUNTS_OFFSET..][..24]);
        Ok(Session {
            description,
            directory: text[..directory_size].to_vec(),
            command: crate::header::split_arguments(&text[directory_size..][..command_size]),
            joined,
            refused,
            wanted: Switches::of_block(block).wanted,
        })
    }
}

fn field(field: &'static str, offset: usize, value: u32) -> FormatError {
    FormatError::Field { field, offset: offset as u64, value: value.into() }
}

mod switches;
#[cfg(test)]
mod tests;
