//! A thread's open CALLS segment: a place in the ring for the records to come.

use super::ThreadRecorder;
use crate::labels::Handle;
use crate::ring::{Memory, Place};
use viztracer_format::record::{RECORD_SIZE, Record};
use viztracer_format::segment::SegmentKind;
use viztracer_format::stack::Slot;
use viztracer_format::sync::Ordering;

impl ThreadRecorder {
    /// Sees to it that the open segment has this many free slots; counts the event as lost if there is no room at all.
    pub(super) fn make_room(&mut self, slots: usize) -> bool {
        let free = (self.slot_end as usize - self.slot as usize) / RECORD_SIZE;
        if free >= slots {
            return true;
        }
        let first = self.place.is_none() && self.events == 0;
        self.seal();
        let place = match first {
            true => self.ring.first_place(self.serial),
            false => self.ring.place(SegmentKind::Calls, self.serial, self.events),
        };
        match place {
            Some(place) => self.begin(place),
            None => {
                self.lose();
                false
            }
        }
    }

    fn begin(&mut self, place: Place) -> bool {
        let slots = self.ring.memory().slots(place.segment);
        self.segment = self.ring.memory().header(place.segment);
        let range = slots.as_ptr_range();
        (self.slot, self.slot_end) = (range.start.wrapping_add(place.taken), range.end);
        self.others = place.taken;
        if place.taken > 0 {
            self.count_others(0, 1);
            self.store(Record::thread(self.serial));
            self.commit();
        }
        self.place = Some(place);
        if self.task != 0 {
            self.mark_task();
        }
        true
    }

    pub(super) fn count_others(&mut self, extensions: u32, threads: u32) {
        self.others += (extensions + threads) as usize;
        // SAFETY: there is room in the open segment, so there is one.
        unsafe { &*self.segment }.count_others(extensions, threads);
    }

    fn lose(&self) {
        self.label.lose(1, self.ring.memory().status());
    }

    /// Slots taken in the open segment.
    fn taken(&self) -> usize {
        let body: *const Slot = self.segment.wrapping_add(1).cast();
        (self.slot as usize - body as usize) / RECORD_SIZE
    }

    /// Seals the open segment, if there is one, and queues it for recycling.
    pub(super) fn seal(&mut self) {
        let Some(place) = self.place.take() else { return };
        let taken = self.taken();
        self.count_events(taken);
        self.sealed = Some(self.ring.seal(Place { taken, ..place }));
        (self.slot, self.slot_end) = (std::ptr::null(), std::ptr::null());
    }

    /// Adds the events in the open segment to the thread's total.
    fn count_events(&mut self, taken: usize) {
        self.events += (taken - self.others) as u64;
        self.label.events.store(self.events, Ordering::Relaxed);
    }

    /// Events in all segments, with those in the open one.
    pub(super) fn events_so_far(&self) -> u64 {
        self.events + self.place.as_ref().map_or(0, |_| (self.taken() - self.others) as u64)
    }

    /// A thread or task has ended whose last record this thread has stored, if there is one.
    pub(crate) fn end_label(&mut self, label: Handle) {
        label.ended.store(self.clock.now(), Ordering::Relaxed);
        match &mut self.place {
            Some(place) => place.ended.push(label),
            None => self.ring.end_label(label, self.sealed),
        }
    }

    /// What is left of the open segment is for the next new thread.
    pub(super) fn leave_segment(&mut self) {
        if let Some(place) = self.place.take() {
            let taken = self.taken();
            self.count_events(taken);
            self.ring.leave(Place { taken, ..place });
            (self.slot, self.slot_end) = (std::ptr::null(), std::ptr::null());
        }
    }
}
