//! The segment allocator of one ring file: fresh segments first, then the oldest sealed one again, process-wide.
//!
//! A sealed segment may be recycled once at least `entries` newer events exist, that is, events in segments that were
//! opened after it was sealed (see `ring::sealed`). So the file always holds the newest `entries` events of all threads
//! together, and the merge can show exactly those.

mod memory;
mod sealed;

use crate::clock::{AnchorSchedule, Clock};
use crate::labels::Handle;
use crate::lock::ignore_poison;
pub use memory::Memory;
use sealed::SealedQueue;
use sync::{Mutex, MutexGuard};
use viztracer_format::clock::Anchor;
use viztracer_format::labels::{LABEL_SIZE, LabelKind};
use viztracer_format::record::RECORD_SIZE;
use viztracer_format::segment::{Opening, SegmentKind};
use viztracer_format::stack::BlockHeader;

#[cfg(loom)]
use loom::sync;
#[cfg(not(loom))]
use std::sync;

/// The number of segments that one growth makes usable: few enough that the pause is short, enough to spread the system
/// calls thin. 4, 16 and 64 segments of 16 KiB cost 9.9, 9.8 and 10.6 ns per record on tmpfs, and 5.9, 5.2 and 4.1 on
/// ext4.
const GROWTH: u32 = 16;

/// The free slots that make the remainder of a dead thread's segment worth using: a THREAD record and the longest event
/// must fit.
const REMAINDER_MIN: usize = 16;

/// Names and labels take at most one part in so many of the available segments: the newest events matter more.
const NAMES_SHARE: u32 = 4;

/// The segments of one file.
#[derive(Debug)]
pub struct Ring<M> {
    memory: M,
    clock: Clock,
    entries: u64,
    /// The most segments of names and labels as long as the file grows.
    names_max: u32,
    allocation: Mutex<Allocation>,
}

/// Which segments, blocks and labels are in use.
#[derive(Debug)]
struct Allocation {
    anchors: AnchorSchedule,
    generation: u64,
    /// Segments that were opened at least once.
    used: u32,
    /// Segments that can be touched.
    usable: u32,
    /// The error that ended growth; 0: all of the mapping is used.
    failure: Option<i32>,
    sealed: SealedQueue,
    /// Open CALLS segments of dead threads, partly filled.
    remainders: Vec<OpenSegment>,
    /// Open PAYLOAD segments of dead threads, partly filled.
    payload_remainders: Vec<OpenSegment>,
    /// Stack blocks without a thread.
    blocks: Vec<BlockAddress>,
    /// Segments of names and labels.
    named: u32,
    /// Labels without a thread or task.
    labels: Vec<Handle>,
}

/// A stack block's address; it stays valid as long as the ring.
#[derive(Debug)]
struct BlockAddress(*const BlockHeader);

// SAFETY: the address is of atomic words in the mapping, which outlives the ring's allocation.
unsafe impl Send for BlockAddress {}

/// An open segment that one thread fills.
#[derive(Debug)]
pub struct OpenSegment {
    /// The segment's index in the file.
    pub segment: u32,
    /// What the segment holds.
    pub kind: SegmentKind,
    /// Slots that are filled already, by a dead thread; 0 in a fresh segment.
    pub taken: usize,
    /// How many segments had been sealed when this one was opened.
    pub opened_after: u64,
    /// Labels of threads and tasks whose last record stands in the segment.
    pub ended: Vec<Handle>,
}

impl<M: Memory> Ring<M> {
    /// A ring over `memory` that keeps at least the newest `entries` events.
    pub fn new(memory: M, clock: Clock, entries: u64, opened: Anchor) -> Ring<M> {
        let allocation = Allocation {
            anchors: AnchorSchedule::new(opened),
            generation: 0,
            used: 0,
            usable: 0,
            failure: None,
            sealed: SealedQueue::default(),
            remainders: Vec::new(),
            payload_remainders: Vec::new(),
            blocks: Vec::new(),
            named: 0,
            labels: Vec::new(),
        };
        let names_max = names_max(&memory, entries);
        Ring { memory, clock, entries, names_max, allocation: Mutex::new(allocation) }
    }

    /// Makes the first segments usable. Returns the operating system's error number if that fails.
    pub fn prepare(&self) -> Option<i32> {
        let mut allocation = self.allocation();
        self.grow(&mut allocation);
        allocation.failure
    }

    /// The memory.
    pub fn memory(&self) -> &M {
        &self.memory
    }

    /// Gives the memory back.
    pub fn into_memory(self) -> M {
        self.memory
    }

    /// The clock of the file.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// The number of segments opened so far: the length that the file needs.
    pub fn used(&self) -> u32 {
        self.allocation().used
    }

    /// The error that ended the growth of the file, if one did.
    pub fn failure(&self) -> Option<i32> {
        self.allocation().failure
    }

    /// A segment for a new thread: the remainder of a dead thread's, else one from [`Ring::open_segment`].
    pub fn first_segment(&self, thread: u32) -> Option<OpenSegment> {
        let remainder = self.allocation().remainders.pop();
        remainder.or_else(|| self.open_segment(SegmentKind::Calls, thread, 0))
    }

    /// A PAYLOAD segment with this many free slots: the remainder of a dead thread's, else one from
    /// [`Ring::open_segment`]. PAYLOAD segments belong to no thread.
    pub fn payload_segment(&self, slots: usize) -> Option<OpenSegment> {
        let capacity = self.memory.slots_per_segment();
        let remainder = self.allocation().payload_remainders.pop_if(|open| capacity - open.taken >= slots);
        remainder.or_else(|| self.open_segment(SegmentKind::Payload, 0, 0))
    }

    /// Opens an empty segment that will be sealed later. `None`: no segment is available, and none is sealed.
    pub fn open_segment(&self, kind: SegmentKind, thread: u32, first_event: u64) -> Option<OpenSegment> {
        let mut allocation = self.allocation();
        let has_enough = allocation.sealed.newer() >= self.entries && self.entries > 0;
        let segment = match has_enough.then(|| self.recycle(&mut allocation)).flatten() {
            Some(segment) => segment,
            None => self.fresh(&mut allocation).or_else(|| self.recycle(&mut allocation))?,
        };
        let opened_after = allocation.sealed.count();
        self.write_header(&mut allocation, segment, kind, thread, first_event);
        Some(OpenSegment { segment, kind, taken: 0, opened_after, ended: Vec::new() })
    }

    /// Opens an empty segment that is never recycled. `None`: no segment is available, or names and labels have used
    /// their share.
    pub fn open_permanent(&self, kind: SegmentKind) -> Option<u32> {
        let mut allocation = self.allocation();
        let is_named = kind != SegmentKind::Stacks; // stacks are of living threads, and so are few
        if is_named && allocation.named >= self.share(&allocation) {
            return None;
        }
        let segment = self.fresh(&mut allocation).or_else(|| self.recycle(&mut allocation))?;
        allocation.named += u32::from(is_named);
        self.write_header(&mut allocation, segment, kind, 0, 0);
        Some(segment)
    }

    /// The number of segments that names and labels may have: of a file that cannot grow, a part of what there is.
    fn share(&self, allocation: &Allocation) -> u32 {
        allocation.failure.map_or(self.names_max, |_| names_share(allocation.usable))
    }

    /// A label for a new thread or task.
    pub fn label(&self, kind: LabelKind, serial: u32, tid: u64) -> Handle {
        let label = self.free_label().unwrap_or_default();
        label.take(kind, serial, tid, self.clock.now());
        label
    }

    /// A free slot of a LABELS segment; `None` if no segment is available for one.
    pub fn free_label(&self) -> Option<Handle> {
        let label = self.allocation().labels.pop();
        if label.is_some() {
            return label;
        }
        let segment = self.open_permanent(SegmentKind::Labels)?;
        let slots = self.memory.slots(segment);
        let labels = slots.chunks_exact(LABEL_SIZE / RECORD_SIZE).map(|slots| Handle::Mapped(slots.as_ptr().cast()));
        let labels: Vec<Handle> = labels.rev().collect();
        labels.iter().for_each(|label| label.free()); // a recycled segment holds old records
        self.memory.header(segment).commit(labels.len() * LABEL_SIZE);
        let mut allocation = self.allocation();
        allocation.labels.extend(labels);
        allocation.labels.pop()
    }

    /// Frees the label of a thread or task that has ended once the segment that holds its last record is recycled: the
    /// sealed segment with this number, or none.
    pub fn end_label(&self, label: Handle, sealed: Option<u64>) {
        let mut allocation = self.allocation();
        match sealed.and_then(|number| allocation.sealed.get_mut(number)) {
            Some(sealed) => sealed.ended.push(label),
            None => allocation.labels.extend(label.forget(self.memory.status())),
        }
    }

    /// Seals a segment and queues it for recycling. Returns its number in the order of sealing.
    pub fn seal(&self, open: OpenSegment) -> u64 {
        let events = self.memory.seal(open.segment, open.taken);
        let events = if open.kind == SegmentKind::Calls { events } else { 0 };
        self.allocation().sealed.push(open.segment, open.ended, events, open.opened_after)
    }

    /// Keeps the rest of a dead thread's segment for the next new thread, or seals it if hardly anything is free.
    pub fn pass_on(&self, open: OpenSegment) {
        if self.memory.slots(open.segment).len() - open.taken >= REMAINDER_MIN {
            let mut allocation = self.allocation();
            match open.kind {
                SegmentKind::Payload => allocation.payload_remainders.push(open),
                _ => allocation.remainders.push(open),
            }
        } else {
            self.seal(open);
        }
    }

    /// Seals the segments of dead threads, because the file is about to be closed.
    pub fn seal_remainders(&self) {
        let mut allocation = self.allocation();
        let calls = std::mem::take(&mut allocation.remainders);
        let payloads = std::mem::take(&mut allocation.payload_remainders);
        drop(allocation);
        for open in calls.into_iter().chain(payloads) {
            self.seal(open);
        }
    }

    /// A free stack block.
    pub fn block(&self) -> Option<*const BlockHeader> {
        let block = self.allocation().blocks.pop();
        if let Some(BlockAddress(block)) = block {
            return Some(block);
        }
        let segment = self.open_permanent(SegmentKind::Stacks)?;
        for block in self.memory.blocks(segment) {
            // SAFETY: the block is in a usable segment, and nobody has it yet.
            unsafe { &*block }.clear(); // a recycled segment holds old records
        }
        self.memory.header(segment).commit(size_of_val(self.memory.slots(segment)));
        let mut allocation = self.allocation();
        allocation.blocks.extend(self.memory.blocks(segment).map(BlockAddress));
        allocation.blocks.pop().map(|BlockAddress(block)| block)
    }

    /// Makes a stack block free again.
    pub fn free_block(&self, block: *const BlockHeader) {
        self.allocation().blocks.push(BlockAddress(block));
    }

    fn write_header(
        &self,
        allocation: &mut Allocation,
        segment: u32,
        kind: SegmentKind,
        thread: u32,
        first_event: u64,
    ) {
        allocation.generation += 1;
        self.memory.header(segment).open(Opening {
            generation: allocation.generation,
            kind,
            thread,
            first_event,
            opened: self.clock.now(),
            anchor: allocation.anchors.anchor(self.clock),
        });
    }

    /// Removes the oldest sealed segment from the queue, and forgets the threads and tasks that ended in it.
    fn recycle(&self, allocation: &mut Allocation) -> Option<u32> {
        let oldest = allocation.sealed.pop()?;
        let status = self.memory.status();
        allocation.labels.extend(oldest.ended.into_iter().filter_map(|label| label.forget(status)));
        Some(oldest.segment)
    }

    /// A segment that was never used, after making the next ones usable if need be.
    fn fresh(&self, allocation: &mut Allocation) -> Option<u32> {
        if allocation.used == allocation.usable {
            self.grow(allocation)?;
        }
        allocation.used += 1;
        Some(allocation.used - 1)
    }

    /// Makes the next segments usable, or just one if the disk is nearly full.
    fn grow(&self, allocation: &mut Allocation) -> Option<()> {
        if allocation.failure.is_some() {
            return None;
        }
        let from = allocation.usable;
        let ends = [GROWTH, 1].map(|growth| (from + growth).min(self.memory.capacity()));
        let mut failure = 0;
        for to in ends.into_iter().filter(|to| *to > from) {
            match self.memory.grow(from, to) {
                Ok(()) => {
                    allocation.usable = to;
                    return Some(());
                }
                Err(error) => failure = error,
            }
        }
        allocation.failure = Some(failure);
        None
    }

    fn allocation(&self) -> MutexGuard<'_, Allocation> {
        ignore_poison(self.allocation.lock())
    }
}

/// The most segments of names and labels among so many available ones: one of each, if others remain for stacks and
/// calls.
fn names_share(available: u32) -> u32 {
    (available / NAMES_SHARE).max(2).min(available.saturating_sub(2))
}

/// The most segments of names and labels in a file that can grow: half of what the mapping has beside the ring, and not
/// more than their share.
fn names_max(memory: &impl Memory, entries: u64) -> u32 {
    let ring = entries.div_ceil((memory.slots_per_segment() as u64).max(1));
    let capacity = u64::from(memory.capacity());
    // Where address space is limited, the mapping may be smaller than the ring that was asked for.
    let beside = if capacity > ring { (capacity - ring) / 2 } else { capacity / 8 };
    // Some file systems report no free space at all.
    names_share(memory.available()).min(u32::try_from(beside).unwrap_or(u32::MAX)).max(2)
}
