//! STACKS segments: blocks of open frames, which show what a killed process was doing.
//!
//! ```text
//! block: 3968 bytes
//!   0  owner    thread serial: 32 bits | frames below this block << 32; serial 0: the block is free
//!   8  count    open frames in this block: the commit counter of the block
//!  16  reserved
//!  64  frame | frame | ...     244 of 16 bytes
//!
//! frame, shaped like the record that it becomes
//!          63                              24 23                8 7       0
//! word 0  | start: low 56 bits of the ticks at the call's begin  | flags   |
//! word 1  | tag: 40 bits that know the frame | function id: 24 bits        |
//! ```
//!
//! Where a thread begins to run an asyncio task, a mark stands between the frames; it is not a call:
//!
//! ```text
//! word 0  | task serial: 56 bits                                   | flags   |
//! word 1  | 0                                                              |
//! ```
//!
//! Behind a frame stand the arguments of its call, if they are logged: see [`arguments`](crate::arguments).
//!
//! A stack deeper than one block goes on in another one. Entering stores the frame, then the count; leaving stores the
//! record, commits it, then lowers the count: a process killed in between leaves one call that is both the thread's
//! last record and its innermost frame, and a reader counts it once.

use crate::record::{INHERITED, KIND_MASK, RECORD_SIZE, Record};
use crate::segment::SEGMENT_HEADER_SIZE;
use crate::sync::{AtomicU64, Ordering};

/// Bytes of a block; the smallest segment holds just one.
pub const BLOCK_SIZE: usize = 3968;
/// Bytes of a block before its frames.
pub const BLOCK_HEADER_SIZE: usize = 64;
/// Where a block has the number of its open frames.
const COUNT_OFFSET: usize = 8;
/// Frames that fit a block.
pub const BLOCK_FRAMES: usize = (BLOCK_SIZE - BLOCK_HEADER_SIZE) / RECORD_SIZE;
const _: () = assert!(SEGMENT_HEADER_SIZE + BLOCK_SIZE == crate::header::SEGMENT_SIZE_MIN);
const _: () = assert!(BLOCK_FRAMES == 244);

/// The flag bits that every open frame carries in its kind byte besides [`INHERITED`].
pub const FRAME: u8 = 0x3f & KIND_MASK;
/// The flag bits of a mark that the frames above it, up to the next mark, run in a task.
pub const TASK_FRAME: u8 = 0x3e & KIND_MASK;

/// The mark that the frames above it run in the task with this serial.
pub fn task_frame(serial: u32) -> Record {
    Record { word0: u64::from(serial) << 8 | u64::from(TASK_FRAME), word1: 0 }
}

/// The task's serial, if this is the mark of one.
#[inline]
pub fn task_of(frame: Record) -> Option<u32> {
    (frame.kind_byte() & KIND_MASK == TASK_FRAME).then_some(frame.start() as u32)
}

/// Blocks in a segment of this size.
pub const fn blocks_per_segment(segment_size: usize) -> usize {
    (segment_size - SEGMENT_HEADER_SIZE) / BLOCK_SIZE
}

/// A slot of 16 bytes, of a block or of a CALLS segment.
#[repr(C)]
#[derive(Debug, Default)]
pub struct Slot {
    /// `start << 8 | kind`.
    pub word0: AtomicU64,
    /// `duration or tag << 24 | function`.
    pub word1: AtomicU64,
}

impl Slot {
    /// Stores a record; plain stores on the machines this runs on.
    #[inline(always)]
    pub fn store(&self, record: Record) {
        self.word0.store(record.word0, Ordering::Relaxed);
        self.word1.store(record.word1, Ordering::Relaxed);
    }

    /// Loads what was stored.
    #[inline(always)]
    pub fn load(&self) -> Record {
        Record { word0: self.word0.load(Ordering::Relaxed), word1: self.word1.load(Ordering::Relaxed) }
    }
}

/// The head of a block, in atomic words.
#[repr(C)]
#[derive(Debug, Default)]
pub struct BlockHeader {
    /// Thread serial and base depth.
    pub owner: AtomicU64,
    /// Open frames in this block.
    pub count: AtomicU64,
    /// Zeros.
    pub reserved: [AtomicU64; 6],
}
#[cfg(not(loom))]
const _: () = assert!(size_of::<BlockHeader>() == BLOCK_HEADER_SIZE);

impl BlockHeader {
    /// Gives the block to a thread, empty, above `base` frames in other blocks.
    pub fn take(&self, thread: u32, base: u32) {
        self.count.store(0, Ordering::Relaxed);
        self.owner.store(u64::from(thread) | u64::from(base) << 32, Ordering::Release);
    }

    /// Makes the block a free one, whatever its memory held before.
    pub fn clear(&self) {
        for word in [&self.owner, &self.count].into_iter().chain(&self.reserved) {
            word.store(0, Ordering::Relaxed);
        }
    }

    /// Frees the block.
    pub fn free(&self) {
        self.count.store(0, Ordering::Relaxed);
        self.owner.store(0, Ordering::Release);
    }
}

/// The open frames of one block, outermost first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The thread they belong to.
    pub thread: u32,
    /// Frames of that thread below this block.
    pub base: u32,
    /// The frames: word 1 holds a tag instead of the duration. Some are marks, see [`task_of`].
    pub frames: Vec<Record>,
}

impl Block {
    /// Whether a frame was inherited by `fork`.
    pub fn is_inherited(frame: Record) -> bool {
        frame.kind_byte() & INHERITED != 0
    }
}

/// The blocks in use in the body of a STACKS segment. A count larger than a block is cut to what fits.
pub fn blocks(body: &[u8]) -> impl Iterator<Item = Block> {
    body.chunks_exact(BLOCK_SIZE).filter_map(|block| {
        let owner = word(block, 0);
        let frames = slots(block).take(count(block)).map(bytemuck::pod_read_unaligned).collect();
        (owner as u32 != 0).then_some(Block { thread: owner as u32, base: (owner >> 32) as u32, frames })
    })
}

/// Keeps, in a copy of the body of a STACKS segment of a living file, the frames that were open from the copy `before`
/// to the copy `after`; returns whether the copy had no others. Within one copy, each word may be of another time. But a
/// frame is whole that was the same in two copies, and below the count of its block in between.
pub fn settle(before: &[u8], body: &mut [u8], after: &[u8]) -> bool {
    let mut settled = true;
    let others = before.chunks_exact(BLOCK_SIZE).zip(after.chunks_exact(BLOCK_SIZE));
    for (block, (before, after)) in body.chunks_exact_mut(BLOCK_SIZE).zip(others) {
        let open = count(block);
        let is_of_one_thread = word(block, 0) == word(before, 0) && word(block, 0) == word(after, 0);
        let same = slots(before).zip(slots(after)).take_while(|(one, other)| one == other).count();
        let kept = if is_of_one_thread { same.min(open).min(count(before)).min(count(after)) } else { 0 };
        settled &= kept == open;
        block.copy_from_slice(after);
        block[COUNT_OFFSET..][..8].copy_from_slice(&(kept as u64).to_le_bytes());
    }
    settled
}

fn word(block: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(*block[at..].first_chunk().expect("inside the block"))
}

fn count(block: &[u8]) -> usize {
    usize::try_from(word(block, COUNT_OFFSET)).unwrap_or(usize::MAX).min(BLOCK_FRAMES)
}

fn slots(block: &[u8]) -> impl Iterator<Item = &[u8]> {
    block[BLOCK_HEADER_SIZE..].chunks_exact(RECORD_SIZE)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// A block of a thread with these frames, above which what was open before still stands.
    fn block(thread: u32, open: &[u64], ended: &[u64]) -> Vec<u8> {
        let mut block = vec![0; BLOCK_SIZE];
        block[..8].copy_from_slice(&u64::from(thread).to_le_bytes());
        block[COUNT_OFFSET..][..8].copy_from_slice(&(open.len() as u64).to_le_bytes());
        for (slot, start) in block[BLOCK_HEADER_SIZE..].chunks_exact_mut(RECORD_SIZE).zip(open.iter().chain(ended)) {
            slot.copy_from_slice(bytemuck::bytes_of(&Record::new(FRAME, *start, 7, 1)));
        }
        block
    }

    /// The starts of what is kept of the second one of three copies, and whether that is all of it.
    fn settled(copies: [Vec<u8>; 3]) -> (Vec<u64>, bool) {
        let [before, mut body, after] = copies;
        let settled = settle(&before, &mut body, &after);
        (blocks(&body).flat_map(|block| block.frames).map(Record::start).collect(), settled)
    }

    #[test]
    fn frames_that_stay_are_kept() {
        let busy = |last: u64| block(1, &[10, 20, last], &[]);
        assert_eq!(settled([busy(30), busy(30), busy(30)]), (vec![10, 20, 30], true));
        assert_eq!(settled([busy(30), busy(31), busy(32)]), (vec![10, 20], false));
    }

    #[test]
    fn what_was_not_open_all_the_time_is_left_out() {
        let (one, two) = (|| block(1, &[10], &[20]), || block(1, &[10, 20], &[]));
        assert_eq!(settled([one(), two(), two()]), (vec![10], false));
        assert_eq!(settled([two(), one(), two()]), (vec![10], true));
        assert_eq!(settled([two(), two(), one()]), (vec![10], false));
    }

    #[test]
    fn a_block_that_passed_to_another_thread_has_no_frames() {
        let of = |thread| block(thread, &[10, 20], &[]);
        assert_eq!(settled([of(1), of(1), of(2)]), (vec![], false));
        assert_eq!(settled([of(1), of(2), of(2)]), (vec![], false));
    }
}
