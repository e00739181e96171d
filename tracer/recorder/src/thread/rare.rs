//! What ends a call now and then: a frame that is not the innermost one, a duration that does not fit a record, a
//! segment that is full.

use super::{Left, ThreadRecorder, increment, is_backwards};
use crate::ring::Memory;
use viztracer_format::record::{DURATION_EXTENDED, DURATION_MAX, INHERITED, Kind, Record};

impl ThreadRecorder {
    /// Ends a call that [`ThreadRecorder::leave`] could not match. If its frame is open further out, the frames inside
    /// it have ended unseen and are recorded as abandoned. If not, its begin was not seen: where no call is open, it
    /// began before tracing; inside of another call (of another greenlet), the return is counted as unmatched.
    #[cold]
    #[inline(never)]
    pub fn unwind_to(&mut self, tag: u64, kind: Kind) {
        self.unwind_at(tag, kind, self.clock.now());
    }

    /// Does the same as [`ThreadRecorder::unwind_to`], for a call that ended at `now`.
    pub fn unwind_at(&mut self, tag: u64, kind: Kind, now: u64) {
        self.unwind(tag, kind, now);
        self.end_unseen(now);
    }

    fn unwind(&mut self, tag: u64, kind: Kind, now: u64) {
        if self.is_innermost(tag)
            && let Some(frame) = self.innermost_call()
        {
            return self.end_innermost(frame, kind, now);
        }
        if !self.is_open(tag) {
            if self.innermost().is_some() {
                increment(&self.ring.memory().status().unmatched);
            }
            return;
        }
        loop {
            if let Some(too_deep) = self.pop_too_deep() {
                if too_deep == tag {
                    return;
                }
                continue;
            }
            let Some(frame) = self.innermost_call() else { return };
            let found = frame.duration() == tag;
            self.end_innermost(frame, if found { kind } else { Kind::Abandoned }, now);
            if found {
                return;
            }
        }
    }

    /// Records a frame whose duration is too long or too short for [`Self::record`], or that finds the segment full.
    #[cold]
    #[inline(never)]
    pub(super) fn record_rare(&mut self, frame: Record, kind: Kind, duration: u64) -> Left {
        match self.wanted_duration(duration) {
            Some(wanted) => self.store_rare(frame, kind, wanted),
            None => self.skip(frame, duration),
        }
        self.note_slow(frame, kind, duration)
    }

    fn store_rare(&mut self, frame: Record, kind: Kind, duration: u64) {
        let kind = frame.kind_byte() & INHERITED | kind as u8;
        let start = frame.start();
        if duration <= DURATION_MAX {
            if self.ensure_slots(1) {
                self.store(Record::new(kind, start, duration, frame.function()));
                self.commit();
            }
        } else if self.ensure_slots(2) {
            self.count_others(1, 0);
            self.store(Record::new(kind, start, DURATION_EXTENDED, frame.function()));
            self.store(Record::long(duration));
            self.commit();
        }
    }

    /// The duration to record; `None` if the call is too short.
    pub(super) fn wanted_duration(&self, duration: u64) -> Option<u64> {
        let duration = if is_backwards(duration) { 0 } else { duration };
        (duration >= self.min_ticks).then_some(duration)
    }
}
