//! One thread's record path: `enter` pushes an open frame, `leave` turns it into a record.
//!
//! Both work on two cursors into the mapped file: one into a block of the thread's [`stack`], one into its open CALLS
//! [`segment`]. Rare cases (a block or segment is full, a frame does not match, a duration does not fit) are out of
//! line, and so is the switching of asyncio [`task`]s.

mod arguments;
mod attached;
mod block;
mod depth_limit;
mod due;
mod elided;
mod event;
mod inherited;
mod open_calls;
mod payload;
mod rare;
mod segment;
mod skipped;
mod slow;
mod slow_call;
mod stack;
mod stacked;
mod task;

use crate::clock::Clock;
use crate::labels::Handle;
use crate::mapped::MappedRing;
use crate::ring::OpenSegment;
use arguments::Arguments;
pub use arguments::Earlier;
use block::StackBlock;
pub use event::LoggedEvent;
pub(crate) use open_calls::OpenCalls;
use open_calls::TooDeep;
use skipped::Skipped;
pub use slow_call::SlowCall;
use std::sync::Arc;
use viztracer_format::record::{DURATION_MAX, KIND_MASK, Kind, RECORD_SIZE, Record};
use viztracer_format::segment::SegmentHeader;
use viztracer_format::stack::{BLOCK_HEADER_SIZE, BlockHeader, FRAME, Slot};
use viztracer_format::sync::{AtomicU64, Ordering};

/// The result of [`ThreadRecorder::leave`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// The innermost frame was that call, which is now recorded.
    Recorded,
    /// The same, and so much time has passed that the caller should look at the session's switches.
    Due,
    /// The innermost frame is another call: see [`ThreadRecorder::unwind_to`].
    Unmatched,
}

/// Which calls a thread records.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Calls that last fewer ticks are not recorded.
    pub min_ticks: u64,
    /// Calls that are nested deeper are not recorded.
    pub max_depth: usize,
    /// The ticks between two looks at the session's switches; `None`: it has none.
    pub look_ticks: Option<u64>,
    /// Calls that last so many ticks are noted; `u64::MAX`: none.
    pub slow_ticks: u64,
    /// Whether the recording has a budget.
    pub has_budget: bool,
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
    /// Durations from `min_ticks` to `min_ticks + span` fit a record as they are, and are of no further interest.
    min_ticks: u64,
    span: u64,
    clock: Clock,
    /// A call that ends at this tick or later is a rare case: a look is due, or a call that is too deep is open.
    rare_from: u64,
    /// The open calls that were deeper than the limit when they began, and so are not on the stack, from the outermost
    /// on. Nothing else here allocates.
    too_deep: Vec<TooDeep>,
    /// From which tick on a look at the session's switches is due, and the ticks between two.
    due_from: u64,
    look_ticks: Option<u64>,

    ring: Arc<MappedRing>,
    serial: u32,
    label: Handle,
    /// Stack blocks from the outermost on; those above `depth_block` are empty and kept for the next descent.
    blocks: Vec<StackBlock>,
    depth_block: usize,
    max_depth: usize,
    /// Frames at the bottom of the stack that do not count for `max_depth`.
    uncounted: usize,
    /// The task that the thread runs, 0 if none, and how many marks of tasks are on the stack.
    task: u32,
    task_marks: usize,
    /// How many slots of the stack the arguments of open calls take.
    argument_slots: usize,
    open: Option<OpenSegment>,
    /// The open PAYLOAD segment.
    payload: Option<OpenSegment>,
    /// The arguments of open calls that have some, the outermost first.
    attached: Vec<Arguments>,
    /// Memory for arguments of calls to come.
    spare: Vec<Arguments>,
    /// Memory for the text of values to come.
    text: String,
    /// The number of the segment that the thread sealed last.
    sealed: Option<u64>,
    /// Events in the segments that this thread has sealed or passed on, and slots of the open one that hold no events
    /// or another thread's.
    events: u64,
    others: usize,
    /// Events that [`ThreadRecorder::take_recorded`] has answered for.
    booked: u64,
    /// Calls that took at least so many ticks, since they were asked for last.
    slow_ticks: u64,
    slow: Vec<SlowCall>,
    /// The calls that were too short, if the recording has a budget.
    skipped: Option<Skipped>,
    /// How many open calls are elided.
    unseen: usize,
}

// SAFETY: the pointers are into the mapping that `ring` keeps, or into `blocks`; none is tied to a thread.
unsafe impl Send for ThreadRecorder {}

impl ThreadRecorder {
    /// A recorder without open calls.
    pub(crate) fn new(ring: Arc<MappedRing>, limits: Limits, serial: u32, label: Handle) -> ThreadRecorder {
        let Limits { min_ticks, max_depth, look_ticks, slow_ticks, has_budget } = limits;
        let plain_max = DURATION_MAX.min(slow_ticks.saturating_sub(1));
        let due_from = if look_ticks.is_some() { 0 } else { u64::MAX };
        let mut thread = ThreadRecorder {
            frame: std::ptr::null(),
            frame_end: std::ptr::null(),
            slot: std::ptr::null(),
            slot_end: std::ptr::null(),
            block: std::ptr::null(),
            segment: std::ptr::null(),
            min_ticks,
            span: plain_max.saturating_sub(min_ticks),
            clock: ring.clock(),
            rare_from: due_from,
            too_deep: Vec::new(),
            due_from,
            look_ticks,
            ring,
            serial,
            label,
            blocks: Vec::new(),
            depth_block: 0,
            max_depth,
            uncounted: 0,
            task: 0,
            task_marks: 0,
            argument_slots: 0,
            open: None,
            payload: None,
            attached: Vec::new(),
            spare: Vec::new(),
            text: String::new(),
            sealed: None,
            events: 0,
            others: 0,
            booked: 0,
            slow_ticks,
            slow: Vec::new(),
            skipped: has_budget.then(Skipped::default),
            unseen: 0,
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

    /// Begins a call. `tag` must fit 40 bits, must be neither 0 nor all ones, and must be the same when the call ends.
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

    /// Ends the call that began with this tag.
    #[inline(always)]
    pub fn leave(&mut self, tag: u64, kind: Kind) -> Left {
        let now = self.clock.now(); // first, so that the call does not pay for the rest
        if now >= self.rare_from {
            return self.leave_rarely(tag, kind, now);
        }
        self.leave_frame(tag, kind, now)
    }

    /// Ends the call of the innermost frame, if it has this tag.
    #[inline(always)]
    fn leave_frame(&mut self, tag: u64, kind: Kind, now: u64) -> Left {
        let top = self.frame.wrapping_sub(1);
        // SAFETY: below the first frame of a block is its header, whose last 16 bytes are zeros: tag 0, which never
        // matches.
        let frame = unsafe { &*top }.load();
        if frame.duration() != tag {
            return Left::Unmatched;
        }
        self.frame = top;
        let left = self.record(frame, kind, now);
        self.publish_depth();
        left
    }

    /// Stores the record of a frame that ends at `now`.
    #[inline(always)]
    fn record(&mut self, frame: Record, kind: Kind, now: u64) -> Left {
        let duration = elapsed(frame, now);
        if self.slot == self.slot_end || !self.fits_a_record(duration) {
            return self.record_rare(frame, kind, duration);
        }
        self.store(Record {
            word0: frame.word0 & !u64::from(KIND_MASK) | kind as u64,
            word1: duration << 24 | u64::from(frame.function()),
        });
        self.commit();
        Left::Recorded
    }

    /// Whether a duration is long enough to be recorded, and short enough for an ordinary record. A duration
    /// below `min_ticks` wraps around to a large number, so one comparison covers both.
    #[inline(always)]
    fn fits_a_record(&self, duration: u64) -> bool {
        duration.wrapping_sub(self.min_ticks) <= self.span
    }

    /// Stores a record in the next slot of the open segment. The caller has seen that a slot is free.
    #[inline(always)]
    fn store(&mut self, record: Record) {
        // SAFETY: `slot` is below `slot_end`, inside the open segment.
        unsafe { &*self.slot }.store(record);
        self.slot = self.slot.wrapping_add(1);
    }

    /// Publishes what was stored.
    #[inline(always)]
    fn commit(&self) {
        let body = self.segment.wrapping_add(1);
        // SAFETY: a record was stored in the open segment, whose header is `segment`.
        unsafe { &*self.segment }.commit(self.slot as usize - body as usize);
    }

    /// Publishes the number of open frames.
    #[inline(always)]
    fn publish_depth(&self) {
        let depth = self.block_depth() as u64;
        // SAFETY: `block` is the header of the block in use, which is mapped or private memory of this recorder.
        unsafe { &*self.block }.count.store(depth, Ordering::Release);
    }

    /// The number of open frames in the block in use.
    #[inline(always)]
    fn block_depth(&self) -> usize {
        (self.frame as usize - self.block as usize - BLOCK_HEADER_SIZE) / RECORD_SIZE
    }
}

/// Of the stack as a whole.
impl ThreadRecorder {
    /// Records the open frames with this kind, from the innermost on, and empties the stack. Frames inherited by
    /// `fork` are dropped: they did not begin in this process, and nobody sees their ends.
    pub fn close_frames(&mut self, kind: Kind) {
        let now = self.clock.now();
        self.too_deep.clear();
        self.expect_rare_cases();
        while let Some(frame) = self.innermost_call() {
            match ThreadRecorder::is_inherited(frame) {
                true => self.drop_innermost(frame),
                false => self.end_innermost(frame, kind, now),
            }
        }
        self.uncounted = 0;
        self.end_block();
    }

    /// The open frames, with their arguments, and the marks of tasks, from the outermost on.
    fn slots_in_use(&self) -> impl Iterator<Item = Record> {
        self.blocks[..=self.depth_block].iter().flat_map(StackBlock::slots_in_use)
    }

    /// Whether a call is open on this thread.
    pub fn has_open_calls(&self) -> bool {
        self.depth() > self.no_calls()
    }

    /// Ends the recording of a thread that has ended: its frames are abandoned, its blocks are free, and the rest of
    /// its segment goes to the next new thread.
    pub(crate) fn retire(&mut self) {
        self.close_frames(Kind::Abandoned);
        self.release_blocks();
        let label = std::mem::take(&mut self.label);
        label.events.store(self.events_so_far(), Ordering::Relaxed);
        self.end_label(label);
        self.pass_segment_on();
        self.pass_payload_on();
    }

    /// Seals the open segment, because the file is about to be closed. Open frames stay on the stack for the reader.
    pub(crate) fn finish(&mut self) {
        self.seal();
        self.seal_payload();
    }
}

/// The ticks from the start of a frame to `now`, modulo 2^56: a frame holds the low 56 bits of its start.
#[inline(always)]
fn elapsed(frame: Record, now: u64) -> u64 {
    let start = frame.word0 & !0xff; // in the upper 56 bits
    (now << 8).wrapping_sub(start) >> 8
}

/// Whether a call ended before it began: the counter of another processor may be a few ticks behind.
fn is_backwards(duration: u64) -> bool {
    duration >> 55 != 0
}

/// Adds one to a counter that only one thread at a time changes.
fn increment(counter: &AtomicU64) {
    counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2^56 ticks are 278 days of 3 GHz.
    #[test]
    fn a_call_that_is_open_when_the_ticks_of_a_frame_wrap_around_has_its_duration() {
        for begin in [0, 1 << 53, (1 << 56) - 5, (7 << 56) - 1, (1 << 63) - 3, u64::MAX - 20] {
            let frame = Record { word0: begin << 8 | u64::from(FRAME), word1: 0 };
            for took in [0, 1, 10, 1 << 40, (1 << 55) - 1] {
                assert_eq!(elapsed(frame, begin.wrapping_add(took)), took, "from {begin} on");
                assert!(!is_backwards(took));
            }
            assert!(is_backwards(elapsed(frame, begin.wrapping_sub(1))), "from {begin} on");
        }
    }
}
