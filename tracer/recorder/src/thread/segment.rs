//! A thread's open CALLS segment, which takes the records to come.

use super::ThreadRecorder;
use crate::labels::Handle;
use crate::ring::{Memory, OpenSegment};
use viztracer_format::record::{RECORD_SIZE, Record};
use viztracer_format::segment::SegmentKind;
use viztracer_format::stack::Slot;
use viztracer_format::sync::Ordering;

impl ThreadRecorder {
    /// Ensures that the open segment has this many free slots. `false`: no segment is available, and the event is
    /// counted as lost.
    pub(super) fn ensure_slots(&mut self, slots: usize) -> bool {
        let free = (self.slot_end as usize - self.slot as usize) / RECORD_SIZE;
        if free >= slots {
            return true;
        }
        let first = self.open.is_none() && self.events == 0;
        self.seal();
        let open = match first {
            true => self.ring.first_segment(self.serial),
            false => self.ring.open_segment(SegmentKind::Calls, self.serial, self.events),
        };
        match open {
            Some(open) => self.begin(open),
            None => {
                self.lose();
                false
            }
        }
    }

    /// Records into this segment from now on.
    fn begin(&mut self, open: OpenSegment) -> bool {
        let slots = self.ring.memory().slots(open.segment);
        self.segment = self.ring.memory().header(open.segment);
        let range = slots.as_ptr_range();
        (self.slot, self.slot_end) = (range.start.wrapping_add(open.taken), range.end);
        self.others = open.taken;
        if open.taken > 0 {
            self.count_others(0, 1);
            self.store(Record::thread(self.serial));
            self.commit();
        }
        self.open = Some(open);
        if self.task != 0 {
            self.mark_task();
        }
        true
    }

    /// Counts records of the open segment that are no events, before they are committed.
    pub(super) fn count_others(&mut self, extensions: u32, threads: u32) {
        self.others += (extensions + threads) as usize;
        // SAFETY: the caller has ensured free slots, so there is an open segment.
        unsafe { &*self.segment }.count_others(extensions, threads);
    }

    /// Counts an event that found no segment.
    fn lose(&self) {
        self.label.lose(1, self.ring.memory().status());
    }

    /// The number of slots taken in the open segment.
    pub(super) fn taken(&self) -> usize {
        let body: *const Slot = self.segment.wrapping_add(1).cast();
        (self.slot as usize - body as usize) / RECORD_SIZE
    }

    /// Seals the open segment, if there is one, and queues it for recycling.
    pub(super) fn seal(&mut self) {
        let Some(open) = self.open.take() else { return };
        let taken = self.taken();
        self.count_events(taken);
        self.sealed = Some(self.ring.seal(OpenSegment { taken, ..open }));
        (self.slot, self.slot_end) = (std::ptr::null(), std::ptr::null());
    }

    /// Adds the events in the open segment to the thread's total.
    fn count_events(&mut self, taken: usize) {
        self.events += (taken - self.others) as u64;
        self.label.events.store(self.events, Ordering::Relaxed);
    }

    /// The number of events in all segments, the open one included.
    pub(super) fn events_so_far(&self) -> u64 {
        self.events + self.open.as_ref().map_or(0, |_| (self.taken() - self.others) as u64)
    }

    /// Ends the label of a thread or task whose last record, if there is one, this thread has stored.
    pub(crate) fn end_label(&mut self, label: Handle) {
        label.ended.store(self.clock.now(), Ordering::Relaxed);
        match &mut self.open {
            Some(open) => open.ended.push(label),
            None => self.ring.end_label(label, self.sealed),
        }
    }

    /// Passes the rest of the open segment on to the next new thread.
    pub(super) fn pass_segment_on(&mut self) {
        if let Some(open) = self.open.take() {
            let taken = self.taken();
            self.count_events(taken);
            self.ring.pass_on(OpenSegment { taken, ..open });
            (self.slot, self.slot_end) = (std::ptr::null(), std::ptr::null());
        }
    }
}
