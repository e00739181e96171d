//! The first 4 KiB of a file.
//!
//! ```text
//!    0  Identity   who wrote the file and how to read it; never changes; ends with a CRC-32
//!  512  Status     how far the writer came; changes while it runs
//! 1024  arguments  the program's command line, NUL after each, cut at the end of the page
//! ```

use crate::clock::Anchor;
use crate::error::FormatError;
use crate::sync::{AtomicU64, Ordering};
use bytemuck::{Pod, Zeroable};
use std::mem::offset_of;

/// The first bytes of every ring file.
pub const MAGIC: [u8; 8] = *b"VIZRING\n";
/// The version this crate writes and reads.
pub const VERSION: u32 = 1;
/// Bytes before the first segment.
pub const HEADER_SIZE: usize = 4096;
/// Where [`Status`] stands.
pub const STATUS_OFFSET: usize = 512;
/// Where the arguments stand.
pub const ARGUMENTS_OFFSET: usize = 1024;
/// The most bytes of arguments that are kept.
pub const ARGUMENTS_MAX: usize = HEADER_SIZE - ARGUMENTS_OFFSET;
/// The smallest size of a segment.
pub const SEGMENT_SIZE_MIN: usize = 4 << 10;
/// The largest size of a segment.
pub const SEGMENT_SIZE_MAX: usize = 64 << 10;

/// The most bytes of a host name (sethostname(2)).
pub const HOST_MAX: usize = 64;

/// `Identity::clock`: a counter of the processor.
pub const CLOCK_COUNTER: u32 = 1;
/// `Identity::clock`: nanoseconds of the monotonic clock.
pub const CLOCK_MONOTONIC: u32 = 2;

/// Feature bit of `Identity::incompatible`: threads and tasks are in LABELS segments, whose slots are used again.
pub const LABELS: u64 = 1;

/// The part of the header that never changes. `FORMAT.md` says what each field means.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[allow(missing_docs, reason = "FORMAT.md is the one description; a test ties its table to these fields")]
pub struct Identity {
    pub magic: [u8; 8],
    pub version: u32,
    pub header_size: u32,
    pub segment_size: u32,
    pub clock: u32,
    pub incompatible: u64,
    pub compatible: u64,
    pub entries: u64,
    pub min_duration: u64,
    pub pid: u32,
    pub parent_pid: u32,
    pub process_start: u64,
    pub monotonic_offset: i64,
    pub boot_id: [u8; 16],
    pub session_id: [u8; 16],
    pub file_id: [u8; 16],
    pub python_version: u32,
    pub arguments_size: u32,
    pub imported: Anchor,
    pub opened: Anchor,
    pub host: [u8; HOST_MAX],
    pub reserved: [[u8; 26]; 10],
    pub crc: u32,
}
const _: () = assert!(size_of::<Identity>() == STATUS_OFFSET);

/// Offset of [`Identity::crc`].
const CRC_OFFSET: usize = offset_of!(Identity, crc);

impl Identity {
    /// An identity of this version with every other field zero.
    pub fn new() -> Identity {
        let header_size = HEADER_SIZE as u32;
        Identity { magic: MAGIC, version: VERSION, header_size, ..Zeroable::zeroed() }
    }

    /// The header page of a new file. `arguments` are cut at [`ARGUMENTS_MAX`]; their size and the CRC are filled in.
    pub fn to_page(mut self, arguments: &[u8]) -> Box<[u8; HEADER_SIZE]> {
        let arguments = &arguments[..arguments.len().min(ARGUMENTS_MAX)];
        let mut page = Box::new([0; HEADER_SIZE]);
        page[ARGUMENTS_OFFSET..][..arguments.len()].copy_from_slice(arguments);
        self.arguments_size = arguments.len() as u32;
        page[..STATUS_OFFSET].copy_from_slice(bytemuck::bytes_of(&self));
        let crc = checksum(&page[..], arguments.len());
        page[CRC_OFFSET..][..4].copy_from_slice(&crc.to_le_bytes());
        page
    }
}

impl Identity {
    /// The name of the machine, up to the first NUL; `None` if it is unknown.
    pub fn host_name(&self) -> Option<String> {
        let name = self.host.split(|byte| *byte == 0).next().filter(|name| !name.is_empty())?;
        Some(String::from_utf8_lossy(name).into_owned())
    }
}

impl Default for Identity {
    fn default() -> Identity {
        Identity::new()
    }
}

/// CRC-32 of all that never changes: the identity up to its CRC, then the arguments.
fn checksum(page: &[u8], arguments_size: usize) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&page[..CRC_OFFSET]);
    hasher.update(&page[ARGUMENTS_OFFSET..][..arguments_size]);
    hasher.finalize()
}

/// `Status::state` while the writer runs, and for ever if it died.
pub const STATE_OPEN: u64 = 1;
/// `Status::state` after an orderly close.
pub const STATE_SEALED: u64 = 2;

/// Low byte of `Status::ending`: nobody has said how the process ended.
pub const ENDING_UNKNOWN: u64 = 0;
/// Low byte of `Status::ending`: the interpreter ended in order.
pub const ENDING_EXIT: u64 = 1;
/// Low byte of `Status::ending`: `os._exit`.
pub const ENDING_LEFT: u64 = 2;
/// Low byte of `Status::ending`: the process became another program.
pub const ENDING_EXEC: u64 = 3;
/// Low byte of `Status::ending`: a signal, whose number stands in bits 8 to 15.
pub const ENDING_SIGNAL: u64 = 4;

/// The part of the header that the writer changes while it runs, in atomic words.
#[repr(C)]
#[derive(Debug, Default)]
pub struct Status {
    /// [`STATE_OPEN`] or [`STATE_SEALED`].
    pub state: AtomicU64,
    /// The anchor taken at the close: ticks, monotonic, realtime.
    pub closed: [AtomicU64; 3],
    /// Returns that fitted no open frame and were left out.
    pub unmatched: AtomicU64,
    /// Functions that share [`crate::record::FUNCTION_UNKNOWN`] because the file had no space for their names.
    pub unnamed: AtomicU64,
    /// Events of threads that have no label.
    pub lost: AtomicU64,
    /// Why recording stopped early: 0, or the operating system's error number.
    pub failure: AtomicU64,
    /// `CLOCK_MONOTONIC` at the time that was marked to align files by, 0 if none was.
    pub sync_marker: AtomicU64,
    /// What the process last did about itself: [`ENDING_UNKNOWN`] or another one of these.
    pub ending: AtomicU64,
    /// Ticks of the newest sign of life besides records, 0 if there was none.
    pub last_sign: AtomicU64,
    /// How often the interpreter's hook was found taken away from the tracer; calls are missing from then on until it
    /// was put back, or to the end.
    pub gaps: AtomicU64,
    /// Threads whose labels are used for others, because the file holds none of their events any more.
    pub forgotten_threads: AtomicU64,
    /// Their events.
    pub forgotten_events: AtomicU64,
    /// Tasks of which the same is true.
    pub forgotten_tasks: AtomicU64,
    /// 1 if the program was seen to switch between several stacks inside of a thread, as greenlets do.
    pub switched: AtomicU64,
    /// Ends of children that have no label any more.
    pub forgotten_children: AtomicU64,
    /// 1 while the process's session is paused and the process has followed.
    pub paused: AtomicU64,
    /// How often the process has recorded no calls for a time, since they had cost too much.
    pub rests: AtomicU64,
    /// Ticks of those of these times that are over.
    pub rested: AtomicU64,
    /// Ticks when the one that goes on began, 0 if none does.
    pub resting_since: AtomicU64,
}
#[cfg(not(loom))]
const _: () = assert!(size_of::<Status>() == STATUS_SIZE);

/// Bytes of [`Status`].
const STATUS_SIZE: usize = 168;

impl Status {
    /// Marks the file as closed in order, at the time of the anchor.
    pub fn seal(&self, anchor: Anchor) {
        for (word, value) in self.closed.iter().zip([anchor.ticks, anchor.monotonic, anchor.realtime]) {
            word.store(value, Ordering::Relaxed);
        }
        self.state.store(STATE_SEALED, Ordering::Release);
    }
}

/// A header that was checked: every offset it implies lies where it should.
#[derive(Clone, Debug)]
pub struct Header {
    /// The unchanging part.
    pub identity: Identity,
    /// The command line, one entry per argument.
    pub arguments: Vec<String>,
    /// Whether the file was closed in order.
    pub sealed: bool,
    /// The anchor of the close, all zeros if there was none.
    pub closed: Anchor,
    /// [`Status::unmatched`].
    pub unmatched: u64,
    /// [`Status::unnamed`].
    pub unnamed: u64,
    /// [`Status::lost`].
    pub lost: u64,
    /// [`Status::failure`].
    pub failure: u64,
    /// [`Status::sync_marker`].
    pub sync_marker: u64,
    /// [`Status::ending`].
    pub ending: u64,
    /// [`Status::last_sign`].
    pub last_sign: u64,
    /// [`Status::gaps`].
    pub gaps: u64,
    /// Threads and tasks of which the file holds nothing any more.
    pub forgotten: Forgotten,
    /// [`Status::switched`].
    pub switched: bool,
    /// [`Status::forgotten_children`].
    pub forgotten_children: u64,
    /// [`Status::paused`].
    pub paused: bool,
    /// Times in which no calls were recorded.
    pub rests: Rests,
}

/// Times in which the process recorded no calls, since they had cost too much: [`Status::rests`] and what follows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rests {
    /// How many there are.
    pub count: u64,
    /// Ticks of those that are over.
    pub ticks: u64,
    /// Ticks when the one that goes on began, 0 if none does.
    pub since: u64,
}

impl Rests {
    /// The ticks of all rests up to a time, and no more than there are from `opened` on.
    pub fn ticks_until(&self, opened: u64, time: u64) -> u64 {
        let last = if self.since == 0 { 0 } else { time.saturating_sub(self.since) };
        self.ticks.saturating_add(last).min(time.saturating_sub(opened))
    }
}

/// How much the file has forgotten: [`Status::forgotten_threads`] and what follows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Threads.
    pub threads: u64,
    /// The events of those threads; all of them are overwritten.
    pub events: u64,
    /// Tasks.
    pub tasks: u64,
}

impl Header {
    /// Reads the first [`HEADER_SIZE`] bytes of a file.
    pub fn parse(page: &[u8]) -> Result<Header, FormatError> {
        let begin = page.len().min(MAGIC.len());
        if page[..begin] != MAGIC[..begin] {
            return Err(FormatError::Magic);
        }
        let page: &[u8; HEADER_SIZE] = page.first_chunk().ok_or_else(|| too_short(page))?;
        let identity: Identity = bytemuck::pod_read_unaligned(&page[..STATUS_OFFSET]);
        identity.check(page)?;
        let status: [u64; STATUS_SIZE / 8] = bytemuck::pod_read_unaligned(&page[STATUS_OFFSET..][..STATUS_SIZE]);
        let [state, ticks, monotonic, realtime, unmatched, unnamed, lost, failure, sync_marker, ..] = status;
        let [.., ending, last_sign, gaps, threads, events, tasks, switched, _, _, _, _, _] = status;
        let [.., forgotten_children, paused, rests, rested, since] = status;
        let sealed = state == STATE_SEALED;
        let closed = Anchor { ticks, monotonic, realtime };
        Ok(Header {
            identity,
            arguments: split_arguments(&page[ARGUMENTS_OFFSET..][..identity.arguments_size as usize]),
            sealed,
            closed: if sealed { closed } else { Anchor::default() },
            unmatched,
            unnamed,
            lost,
            failure,
            sync_marker,
            ending,
            last_sign,
            gaps,
            forgotten: Forgotten { threads, events, tasks },
            switched: switched != 0,
            forgotten_children,
            paused: paused != 0,
            rests: Rests { count: rests, ticks: rested, since },
        })
    }

    /// Bytes of a segment.
    pub fn segment_size(&self) -> usize {
        self.identity.segment_size as usize
    }
}

impl Identity {
    fn check(&self, page: &[u8; HEADER_SIZE]) -> Result<(), FormatError> {
        let field =
            |field, offset: usize, value: u32| FormatError::Field { field, offset: offset as u64, value: value.into() };
        if self.version != VERSION {
            return Err(FormatError::Version(self.version));
        }
        if self.arguments_size as usize > ARGUMENTS_MAX {
            return Err(field("arguments_size", offset_of!(Identity, arguments_size), self.arguments_size));
        }
        let computed = checksum(page, self.arguments_size as usize);
        if computed != self.crc {
            return Err(FormatError::HeaderChecksum { offset: CRC_OFFSET as u64, stored: self.crc, computed });
        }
        if self.incompatible & !LABELS != 0 {
            return Err(FormatError::Features(self.incompatible & !LABELS));
        }
        if self.header_size as usize != HEADER_SIZE {
            return Err(field("header_size", offset_of!(Identity, header_size), self.header_size));
        }
        let size = self.segment_size as usize;
        if !size.is_power_of_two() || !(SEGMENT_SIZE_MIN..=SEGMENT_SIZE_MAX).contains(&size) {
            return Err(field("segment_size", offset_of!(Identity, segment_size), self.segment_size));
        }
        if ![CLOCK_COUNTER, CLOCK_MONOTONIC].contains(&self.clock) {
            return Err(field("clock", offset_of!(Identity, clock), self.clock));
        }
        Ok(())
    }
}

fn too_short(page: &[u8]) -> FormatError {
    FormatError::TooShort { offset: 0, need: HEADER_SIZE as u64, found: page.len() as u64 }
}

/// The arguments of a command line that has a NUL after each.
pub(crate) fn split_arguments(bytes: &[u8]) -> Vec<String> {
    let bytes = bytes.strip_suffix(b"\0").unwrap_or(bytes);
    if bytes.is_empty() {
        return Vec::new();
    }
    bytes.split(|byte| *byte == 0).map(|argument| String::from_utf8_lossy(argument).into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity() -> Identity {
        Identity { segment_size: 4096, clock: CLOCK_COUNTER, pid: 42, ..Identity::new() }
    }

    #[test]
    fn round_trip() {
        let page = identity().to_page(b"python\0a b.py\0");
        let header = Header::parse(&page[..]).unwrap();
        assert_eq!(header.arguments, ["python", "a b.py"]);
        assert_eq!((header.identity.pid, header.sealed), (42, false));
    }

    #[test]
    fn arguments_longer_than_the_page_are_cut() {
        let page = identity().to_page(&[b'x'; HEADER_SIZE]);
        assert_eq!(Header::parse(&page[..]).unwrap().arguments[0].len(), ARGUMENTS_MAX);
    }

    #[test]
    fn empty_and_cut_files_are_too_short() {
        let page = identity().to_page(b"");
        for length in [0, 1, 7, 8, 511, HEADER_SIZE - 1] {
            let error = Header::parse(&page[..length]).unwrap_err();
            assert_eq!(error, FormatError::TooShort { offset: 0, need: 4096, found: length as u64 });
        }
    }

    #[test]
    fn wrong_magic_other_version_unknown_feature() {
        assert_eq!(Header::parse(&[b'{'; HEADER_SIZE]).unwrap_err(), FormatError::Magic);
        assert_eq!(Header::parse(b"{}").unwrap_err(), FormatError::Magic);
        let other = Identity { version: 2, ..identity() }.to_page(b"");
        assert_eq!(Header::parse(&other[..]).unwrap_err(), FormatError::Version(2));
        let feature = Identity { incompatible: 4, ..identity() }.to_page(b"");
        assert_eq!(Header::parse(&feature[..]).unwrap_err(), FormatError::Features(4));
        let compatible = Identity { compatible: 4, ..identity() }.to_page(b"");
        assert!(Header::parse(&compatible[..]).is_ok());
    }

    #[test]
    fn impossible_sizes_are_refused_with_their_offset() {
        for size in [0, 1, 2048, 4097, 12288, 131072, u32::MAX] {
            let page = Identity { segment_size: size, ..identity() }.to_page(b"");
            let error = FormatError::Field { field: "segment_size", offset: 16, value: size.into() };
            assert_eq!(Header::parse(&page[..]).unwrap_err(), error);
        }
    }

    #[test]
    fn every_flipped_bit_of_the_unchanging_part_is_noticed() {
        let page = identity().to_page(b"python\0");
        let bytes = (0..STATUS_OFFSET).chain(ARGUMENTS_OFFSET..ARGUMENTS_OFFSET + 7);
        for byte in bytes.step_by(if cfg!(miri) { 199 } else { 1 }) {
            for bit in 0..8 {
                let mut damaged = page.clone();
                damaged[byte] ^= 1 << bit;
                assert!(Header::parse(&damaged[..]).is_err(), "bit {bit} of byte {byte}");
            }
        }
    }
}
