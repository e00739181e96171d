//! The header of a segment and the protocol by which writer and reader share it without a lock.
//!
//! ```text
//!   0  generation   0: free or being rewritten; else unlike any other generation of the file
//!   8  owner        kind: 8 bits | thread serial << 32
//!  16  first_event  events the thread recorded before this segment
//!  24  opened       ticks when the segment was opened; record starts are read relative to it
//!  32  anchor       the newest clock anchor then: ticks, monotonic, realtime
//!  56  seal         0 while open; else bit 63 | CRC-32 of the committed bytes
//!  64  committed    bytes of the body that are complete: the commit counter, alone on its cache line
//!  72  others       records that are no events | THREAD records << 32
//!  80  reserved
//! 128  body
//! ```
//!
//! Writer: body bytes first, then `committed` (Release). Reader: `generation`, then `committed` (both Acquire), then
//! the body, then `generation` again; if it changed, the segment was recycled meanwhile and what was read is dropped.

use crate::clock::Anchor;
use crate::sync::{AtomicU64, Ordering, fence};

/// Bytes before a segment's body.
pub const SEGMENT_HEADER_SIZE: usize = 128;
/// The bit of `seal` that distinguishes a sealed segment from an open one.
pub const SEALED: u64 = 1 << 63;

/// What a segment holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum SegmentKind {
    /// Functions and other things whose names stay. Never recycled.
    Names = 1,
    /// Open frames of living threads. Never recycled.
    Stacks = 2,
    /// 16-byte records of one thread, or of several one after the other.
    Calls = 3,
    /// Bytes of variable length that records refer to.
    Payload = 4,
    /// Threads and tasks. Never recycled, but its slots are.
    Labels = 5,
}

impl SegmentKind {
    /// The kind with this number.
    pub fn from_byte(byte: u8) -> Option<SegmentKind> {
        use SegmentKind::{Calls, Labels, Names, Payload, Stacks};
        [Names, Stacks, Calls, Payload, Labels].into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// A segment's first 128 bytes, in atomic words. All zeros is a free segment.
#[repr(C, align(128))]
#[derive(Debug, Default)]
#[allow(missing_docs, reason = "the picture above says what each field means")]
pub struct SegmentHeader {
    pub generation: AtomicU64,
    pub owner: AtomicU64,
    pub first_event: AtomicU64,
    pub opened: AtomicU64,
    pub anchor: [AtomicU64; 3],
    pub seal: AtomicU64,
    pub committed: AtomicU64,
    pub others: AtomicU64,
    pub reserved: [AtomicU64; 6],
}
#[cfg(not(loom))]
const _: () = assert!(size_of::<SegmentHeader>() == SEGMENT_HEADER_SIZE);
#[cfg(not(loom))]
const _: () = assert!(std::mem::offset_of!(SegmentHeader, committed) == 64);

/// What a segment is opened for.
#[derive(Clone, Copy, Debug)]
pub struct Opening {
    /// Unlike any other generation of the file, and not 0.
    pub generation: u64,
    /// What the segment will hold.
    pub kind: SegmentKind,
    /// The thread whose records it will hold; 0 for kinds that belong to no thread.
    pub thread: u32,
    /// Events that the thread recorded before.
    pub first_event: u64,
    /// Ticks now.
    pub opened: u64,
    /// The newest anchor.
    pub anchor: Anchor,
}

impl SegmentHeader {
    /// Makes a free or sealed segment an empty open one. What it held is gone for every reader from here on.
    pub fn open(&self, opening: Opening) {
        self.retire();
        self.committed.store(0, Ordering::Relaxed);
        self.owner.store(opening.kind as u64 | u64::from(opening.thread) << 32, Ordering::Relaxed);
        self.first_event.store(opening.first_event, Ordering::Relaxed);
        self.opened.store(opening.opened, Ordering::Relaxed);
        let Anchor { ticks, monotonic, realtime } = opening.anchor;
        for (word, value) in self.anchor.iter().zip([ticks, monotonic, realtime]) {
            word.store(value, Ordering::Relaxed);
        }
        self.seal.store(0, Ordering::Relaxed);
        self.others.store(0, Ordering::Relaxed);
        self.generation.store(opening.generation, Ordering::Release);
    }

    /// Takes the segment away from readers; whatever is stored after this, none of them mistakes for the old content.
    pub fn retire(&self) {
        self.generation.store(0, Ordering::Relaxed);
        fence(Ordering::Release);
    }

    /// Publishes the first `bytes` of the body.
    #[inline(always)]
    pub fn commit(&self, bytes: usize) {
        self.committed.store(bytes as u64, Ordering::Release);
    }

    /// Counts records that are no events, before they are committed.
    pub fn count_others(&self, extensions: u32, threads: u32) {
        let others = self.others.load(Ordering::Relaxed);
        self.others.store(others + u64::from(extensions + threads) + (u64::from(threads) << 32), Ordering::Relaxed);
    }

    /// Closes the segment with the checksum of its committed bytes.
    pub fn seal(&self, committed: &[u8]) {
        self.seal.store(SEALED | u64::from(crc32fast::hash(committed)), Ordering::Release);
    }

    /// The generation and the committed bytes, to be checked with [`SegmentHeader::still`] after the body was read.
    pub fn begin_read(&self) -> (u64, usize) {
        let generation = self.generation.load(Ordering::Acquire);
        (generation, self.committed.load(Ordering::Acquire) as usize)
    }

    /// Whether the segment still is of this generation, so that what was read since belongs to it.
    pub fn still(&self, generation: u64) -> bool {
        fence(Ordering::Acquire);
        self.generation.load(Ordering::Relaxed) == generation
    }
}
