//! One thread's record path: `enter` pushes an open frame, `leave` turns it into a record.
//!
//! Both work on two cursors into the mapped file, one into a block of the thread's [`stack`], one into its open CALLS
//! [`segment`]. What is rare (a block or segment is full, a frame does not match, a duration does not fit) is out of
//! line, and so is the switching of asyncio [`task`]s.

mod block;
mod segment;
mod stack;
mod task;

use crate::clock::Clock;
use crate::labels::Handle;
use crate::mapped::MappedRing;
use crate::ring::{Memory, Place};
use block::Block;
use std::sync::Arc;
use viztracer_format::record::{DURATION_EXTENDED, DURATION_MAX, INHERITED, KIND_MASK, Kind, RECORD_SIZE, Record};
use viztracer_format::segment::SegmentHeader;
use viztracer_format::stack::{BLOCK_HEADER_SIZE, BlockHeader, FRAME, Slot, task_of};
use viztracer_format::sync::{AtomicU64, Ordering};

/// What `leave` did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// The innermost frame was that call; it is recorded.
    Recorded,
    /// The innermost frame is not that call: see [`ThreadRecorder::unwind_to`].
    Unmatched,
}

/// Records the calls of one thread. Only that thread may use it, or one that keeps it from running.
#[derive(Debug)]
pub struct ThreadRecorder {
    // The record path, together in two cache lines.
    frame: *const Slot,
    frame_end: *const Slot,
    slot: *const Slot,
    slot_end: *const Slot,
    block: *const BlockHeader,
    segment: *const SegmentHeader,
    /// Durations from `min_ticks` to `min_ticks + span` fit a record as they are.
    min_ticks: u64,
    span: u64,
    clock: Clock,
    /// The tags of calls beyond the depth limit, which are not on the stack. The only thing here that may allocate.
    beyond: Vec<u64>,

    ring: Arc<MappedRing>,
    serial: u32,
    label: Handle,
    /// Stack blocks from the outermost on; those above `depth_block` are empty and kept for the next descent.
    blocks: Vec<Block>,
    depth_block: usize,
    max_depth: usize,
    /// Frames at the bottom of the stack that do not count for `max_depth`: the parent process entered them.
    uncounted: usize,
    /// The task that the thread runs, 0 if none, and how many marks of tasks are on the stack.
    task: u32,
    task_marks: usize,
    place: Option<Place>,
    /// The number of the segment that it sealed last.
    sealed: Option<u64>,
    /// Events in segments this thread has left, and slots of the open one that hold no events or another thread's.
    events: u64,
    others: usize,
}

// SAFETY: the pointers are into the mapping that `ring` keeps, or into `blocks`; none is tied to a thread.
unsafe impl Send for ThreadRecorder {}

impl ThreadRecorder {
    /// Records calls of at least `min_ticks`, nested up to `max_depth`.
    pub(crate) fn new(
        ring: Arc<MappedRing>,
        min_ticks: u64,
        max_depth: usize,
        serial: u32,
        label: Handle,
    ) -> ThreadRecorder {
        let mut thread = ThreadRecorder {
            frame: std::ptr::null(),
            frame_end: std::ptr::null(),
            slot: std::ptr::null(),
            slot_end: std::ptr::null(),
            block: std::ptr::null(),
            segment: std::ptr::null(),
            min_ticks,
            span: DURATION_MAX - min_ticks.min(DURATION_MAX),
            clock: ring.clock(),
            beyond: Vec::new(),
            ring,
            serial,
            label,
            blocks: Vec::new(),
            depth_block: 0,
            max_depth,
            uncounted: 0,
            task: 0,
            task_marks: 0,
            place: None,
            sealed: None,
            events: 0,
            others: 0,
        };
        thread.use_block(0);
        thread
    }

    /// The thread's serial number in the file.
    pub fn serial(&self) -> u32 {
        self.serial
    }

    /// The thread's label.
    pub(crate) fn label(&self) -> Handle {
        self.label.clone()
    }

    /// A call begins. `tag` must not be 0, must fit 40 bits, and be the same when the call ends.
    #[inline(always)]
    pub fn enter(&mut self, function: u32, tag: u64) {
        if self.frame == self.frame_end && !self.extend_stack(tag) {
            return;
        }
        let frame = self.frame;
        // SAFETY: `frame` is below `frame_end`, inside the block in use.
        let slot = unsafe { &*frame };
        // Release, so that no reader sees this frame under the count of the one that stood here before.
        slot.word1.store(tag << 24 | u64::from(function), Ordering::Release);
        self.frame = frame.wrapping_add(1);
        // The time is taken last, so that the call does not pay for what happens here.
        slot.word0.store(self.clock.now() << 8 | u64::from(FRAME), Ordering::Release);
        self.publish_depth();
    }

    /// The call that began with this tag ends.
    #[inline(always)]
    pub fn leave(&mut self, tag: u64, kind: Kind) -> Left {
        let now = self.clock.now(); // first, for the same reason
        if !self.beyond.is_empty() {
            return self.leave_beyond(tag);
        }
        let top = self.frame.wrapping_sub(1);
        // SAFETY: below the first frame of a block lies its header, whose last 16 bytes are zeros: tag 0, no match.
        let frame = unsafe { &*top }.load();
        if frame.duration() != tag {
            return Left::Unmatched;
        }
        self.frame = top;
        self.record(frame, kind, now);
        self.publish_depth();
        Left::Recorded
    }

    /// Stores the record of a frame that ends now.
    #[inline(always)]
    fn record(&mut self, frame: Record, kind: Kind, now: u64) {
        let duration = (now << 8).wrapping_sub(frame.word0 & !0xff) >> 8;
        if self.slot == self.slot_end || duration.wrapping_sub(self.min_ticks) > self.span {
            return self.record_rare(frame, kind, duration);
        }
        self.store(Record {
            word0: frame.word0 & !u64::from(KIND_MASK) | kind as u64,
            word1: duration << 24 | u64::from(frame.function()),
        });
        self.commit();
    }

    #[inline(always)]
    fn store(&mut self, record: Record) {
        // SAFETY: every caller has seen that `slot` is below `slot_end`, inside the open segment.
        unsafe { &*self.slot }.store(record);
        self.slot = self.slot.wrapping_add(1);
    }

    #[inline(always)]
    fn commit(&self) {
        let body = self.segment.wrapping_add(1);
        // SAFETY: `segment` is the open segment's header whenever there is a slot in it.
        unsafe { &*self.segment }.commit(self.slot as usize - body as usize);
    }

    #[inline(always)]
    fn publish_depth(&self) {
        let depth = self.block_depth() as u64;
        // SAFETY: `block` is the header of the block in use, mapped or private.
        unsafe { &*self.block }.count.store(depth, Ordering::Release);
    }

    /// Open frames in the block in use.
    #[inline(always)]
    fn block_depth(&self) -> usize {
        (self.frame as usize - self.block as usize - BLOCK_HEADER_SIZE) / RECORD_SIZE
    }
}

/// What is rare.
impl ThreadRecorder {
    /// Handles a call's end that [`ThreadRecorder::leave`] could not match: if its frame is open further out, the
    /// frames inside it have ended unseen and are recorded as abandoned; if not, the call began unseen. Where no call is
    /// open, it began before tracing, and nothing is wrong; inside of another call (of another greenlet) it is counted.
    #[cold]
    #[inline(never)]
    pub fn unwind_to(&mut self, tag: u64, kind: Kind) {
        let now = self.clock.now();
        if let Some(index) = self.beyond.iter().rposition(|beyond| *beyond == tag) {
            return self.beyond.truncate(index);
        }
        if !self.is_open(tag) {
            if self.innermost().is_some() {
                increment(&self.ring.memory().status().unmatched);
            }
            return;
        }
        self.beyond.clear();
        while let Some(frame) = self.innermost_call() {
            let found = frame.duration() == tag;
            self.record(frame, if found { kind } else { Kind::Abandoned }, now);
            self.pop();
            if found {
                return;
            }
        }
    }

    /// A duration too long or too short, or a segment that is full.
    #[cold]
    #[inline(never)]
    fn record_rare(&mut self, frame: Record, kind: Kind, duration: u64) {
        let backwards = duration >> 55 != 0; // the counter of another processor may be a few ticks behind
        let duration = if backwards { 0 } else { duration };
        if duration < self.min_ticks {
            return;
        }
        let kind = frame.kind_byte() & INHERITED | kind as u8;
        let start = frame.start();
        if duration <= DURATION_MAX {
            if self.make_room(1) {
                self.store(Record::new(kind, start, duration, frame.function()));
                self.commit();
            }
        } else if self.make_room(2) {
            self.count_others(1, 0);
            self.store(Record::new(kind, start, DURATION_EXTENDED, frame.function()));
            self.store(Record::long(duration));
            self.commit();
        }
    }

    /// Records the open frames with this kind, from the innermost on, and empties the stack. Frames inherited by
    /// `fork` are dropped: they did not begin here and will end unseen.
    pub fn close_frames(&mut self, kind: Kind) {
        let now = self.clock.now();
        self.beyond.clear();
        while let Some(frame) = self.innermost_call() {
            if frame.kind_byte() & INHERITED == 0 {
                self.record(frame, kind, now);
            }
            self.pop();
        }
    }

    /// The open calls from the outermost on, as (tag, function id).
    pub fn open_frames(&self) -> Vec<(u64, u32)> {
        let in_use = &self.blocks[..=self.depth_block];
        let calls = in_use.iter().flat_map(Block::frames).filter(|frame| task_of(*frame).is_none());
        calls.map(|frame| (frame.duration(), frame.function())).collect()
    }

    /// Opens a frame that the parent process entered and this one inherited by `fork`.
    /// To be called before this thread enters anything itself.
    pub(crate) fn inherit(&mut self, function: u32, tag: u64) {
        self.uncounted += 1;
        self.end_block();
        self.enter(function, tag);
        // SAFETY: with room for one frame more than before, `enter` has just stored it below the cursor.
        let slot = unsafe { &*self.frame.wrapping_sub(1) };
        slot.word0.store(slot.word0.load(Ordering::Relaxed) | u64::from(INHERITED), Ordering::Relaxed);
    }

    /// The depth limit does not count the calls that are open now, except the `inner` innermost ones, of which some may
    /// be beyond it. It does not fall below what is open.
    pub fn count_depth_from_here(&mut self, inner: usize) {
        let recorded = self.depth() - self.task_marks;
        let uncounted = (recorded + self.beyond.len()).saturating_sub(inner);
        self.uncounted = uncounted.max(recorded.saturating_sub(self.max_depth));
        self.end_block();
    }

    /// Whether a call is open on this thread.
    pub fn has_open_calls(&self) -> bool {
        self.depth() > self.task_marks
    }

    /// The thread has ended: its frames are abandoned, its blocks are free, what is left of its segment goes to the
    /// next new thread.
    pub(crate) fn retire(&mut self) {
        self.close_frames(Kind::Abandoned);
        self.release_blocks();
        let label = std::mem::take(&mut self.label);
        label.events.store(self.events_so_far(), Ordering::Relaxed);
        self.end_label(label);
        self.leave_segment();
    }

    /// The file is about to be closed: seals what is open. Frames that are open stay on the stack for the reader.
    pub(crate) fn finish(&mut self) {
        self.seal();
    }
}

/// Adds one to a counter that only one thread at a time changes.
fn increment(counter: &AtomicU64) {
    counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}
