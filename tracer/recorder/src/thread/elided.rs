//! What [`crate::budget`] needs of a thread: how much it records, a sample of that, and the end of open calls of functions
//! that are elided.
//!
//! Nobody sees how such an open call ends: the function may call itself, and the end of that call would look the same. So
//! it ends at once, as far as is known, or with the last recorded call inside of it. Until then its frame has a tag that
//! no call has, and the end of each call is a rare case.

use super::ThreadRecorder;
use super::block::StackBlock;
use super::skipped::Skipped;
use crate::budget::{Call, Elided, OpenCall, Sample};
use crate::ring::Memory;
use viztracer_format::record::{KIND_MASK, Kind, Record};
use viztracer_format::stack::FRAME;
use viztracer_format::sync::Ordering;

/// The tag that no call has.
const UNSEEN: u64 = 0;
/// Kinds below this are calls.
const CALLS_END: u8 = 0x10;

impl ThreadRecorder {
    /// How many events the thread has recorded since this was asked last, with the calls that were too short.
    pub fn take_recorded(&mut self) -> u64 {
        let events = self.events_so_far() + self.skipped.as_ref().map_or(0, Skipped::count);
        events - std::mem::replace(&mut self.booked, events)
    }

    /// The newest calls, as a sample of what the thread does: those in the open segment, and those that were too short.
    pub fn sample(&self) -> Sample {
        let end = |call: &Call| call.start.saturating_add(call.duration);
        let skipped = self.skipped.as_ref().map(Skipped::newest).unwrap_or_default();
        let begin = skipped.iter().map(end).min().unwrap_or(0);
        // Where short calls are not recorded, the segment has only long ones, also of a time that is long ago.
        let mut calls: Vec<Call> = self.newest_calls().into_iter().filter(|call| end(call) >= begin).collect();
        calls.extend(skipped);
        calls.sort_by_key(end);
        Sample { calls, open: self.frames().map(open_call).collect() }
    }

    /// Does not record a call that is too short.
    pub(super) fn skip(&mut self, frame: Record, duration: u64) {
        if let Some(skipped) = &mut self.skipped {
            let duration = if duration < self.min_ticks { duration } else { 0 }; // it went backwards
            skipped.push(Call { function: frame.function(), start: frame.start(), duration });
        }
    }

    fn newest_calls(&self) -> Vec<Call> {
        let Some(open) = &self.open else { return Vec::new() };
        let slots = &self.ring.memory().slots(open.segment)[open.taken..self.taken()];
        let calls = slots.iter().map(|slot| slot.load()).filter(|record| kind(*record) < CALLS_END);
        calls.map(|call| Call { function: call.function(), start: call.start(), duration: call.duration() }).collect()
    }

    /// The frames of open calls, from the outermost on.
    fn frames(&self) -> impl Iterator<Item = Record> {
        self.slots_in_use().filter(|slot| is_frame(*slot))
    }

    /// Has the open calls that are elided end as soon as no recorded call inside of them is open: those of such functions,
    /// and those of C functions that a function called whose C functions are.
    pub(crate) fn end_elided(&mut self, elided: impl Fn(u32) -> Option<Elided>, is_c: impl Fn(u32) -> bool) {
        let mut hides_c_calls = true; // nobody knows who called the outermost one
        let mut attached = self.attached.iter_mut().peekable();
        for slot in self.blocks[..=self.depth_block].iter().flat_map(StackBlock::used) {
            let frame = slot.load();
            if !is_frame(frame) {
                continue;
            }
            let of_function = elided(frame.function());
            let is_hidden = hides_c_calls && is_c(frame.function());
            let is_elided = is_hidden || of_function == Some(Elided::Calls);
            let arguments = attached.next_if(|arguments| arguments.is_of(frame));
            if is_elided && !is_unseen(frame) {
                let frame = unseen(frame);
                slot.word1.store(frame.word1, Ordering::Release);
                arguments.into_iter().for_each(|arguments| arguments.frame = frame);
                self.unseen += 1;
            }
            hides_c_calls = of_function >= Some(Elided::CCalls);
        }
        self.end_unseen(self.clock.now());
    }

    /// Notes that a call with this tag is open, whose function may be elided.
    pub(super) fn note_unseen(&mut self, tag: u64) {
        if tag == UNSEEN {
            self.unseen += 1;
            self.expect_rare_cases();
        }
    }

    /// Notes that the innermost call has ended.
    pub(super) fn note_end(&mut self, frame: Record) {
        if is_unseen(frame) {
            self.unseen -= 1;
            self.expect_rare_cases();
        }
    }

    /// Ends the innermost calls, if they are elided.
    pub(super) fn end_unseen(&mut self, now: u64) {
        if self.unseen == 0 {
            return;
        }
        while !self.is_too_deep()
            && let Some(frame) = self.innermost().filter(|frame| is_unseen(*frame))
        {
            self.end_innermost(frame, Kind::Abandoned, now);
        }
        self.expect_rare_cases();
    }
}

fn kind(record: Record) -> u8 {
    record.kind_byte() & KIND_MASK
}

fn is_frame(slot: Record) -> bool {
    kind(slot) == FRAME
}

fn is_unseen(slot: Record) -> bool {
    is_frame(slot) && slot.duration() == UNSEEN
}

fn unseen(frame: Record) -> Record {
    Record { word1: UNSEEN << 24 | u64::from(frame.function()), ..frame }
}

fn open_call(frame: Record) -> OpenCall {
    OpenCall { function: frame.function(), start: frame.start() }
}
