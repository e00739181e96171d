//! Events that carry payloads, and the thread's open PAYLOAD segment that takes them.
//!
//! A payload is committed before the record that refers to it, so a kill loses at most the payload of the event that
//! was being stored. A PAYLOAD segment waits in the same queue as CALLS segments: whatever refers to it was recorded
//! before it was sealed, so when enough newer events exist, none of the newest events needs it.

use super::ThreadRecorder;
use super::event::LoggedEvent;
use crate::body;
use crate::ring::{Memory, OpenSegment};
use viztracer_format::record::{DURATION_EXTENDED, DURATION_MAX, INHERITED, Kind, RECORD_SIZE, Record};
use viztracer_format::sync::Ordering;

/// Refers to the generation that no segment has, so a reader shows the payload as overwritten.
const NOT_STORED: (u64, u32) = (0, 0);

impl ThreadRecorder {
    /// The current tick count.
    pub fn ticks(&self) -> u64 {
        self.clock.now()
    }

    /// The largest payload, in bytes.
    pub fn payload_max(&self) -> usize {
        self.ring.memory().slots_per_segment() * RECORD_SIZE
    }

    /// Records an event with a JSON object as payload; without one if `json` is empty.
    pub fn log(&mut self, event: LoggedEvent, json: &[u8]) {
        let LoggedEvent { kind, function, start, duration } = event;
        self.record_with_payload((kind as u8, start, duration, function), json);
    }

    /// Records a call that ends at `now` with a JSON object as payload.
    pub(super) fn record_call(&mut self, frame: Record, kind: Kind, now: u64, json: &[u8]) {
        let duration = super::elapsed(frame, now);
        self.note_slow(frame, kind, duration);
        let Some(duration) = self.wanted_duration(duration) else { return self.skip(frame, duration) };
        let kind = frame.kind_byte() & INHERITED | kind as u8;
        self.record_with_payload((kind, frame.start(), duration, frame.function()), json);
    }

    fn record_with_payload(&mut self, (kind, start, duration, function): (u8, u64, u64, u32), json: &[u8]) {
        let payload = (!json.is_empty()).then(|| self.store_payload(json));
        let is_long = duration > DURATION_MAX;
        let extensions = usize::from(is_long) + usize::from(payload.is_some());
        if !self.ensure_slots(1 + extensions) {
            return;
        }
        self.count_others(extensions as u32, 0);
        self.store(Record::new(kind, start, duration.min(DURATION_EXTENDED), function));
        if is_long {
            self.store(Record::long(duration));
        }
        if let Some(payload) = payload {
            self.store(payload);
        }
        self.commit();
    }

    /// Stores a payload and commits it. Returns the extension that refers to it.
    fn store_payload(&mut self, json: &[u8]) -> Record {
        if json.len() > self.payload_max() {
            let cut = format!("{{\"cut\":\"a payload of {} bytes does not fit a segment\"}}", json.len());
            return self.store_payload(cut.as_bytes());
        }
        let (generation, offset) = self.append_payload(json).unwrap_or(NOT_STORED);
        Record::payload(generation, offset, json.len() as u32)
    }

    /// Appends a payload that fits a segment. `None`: no segment is available.
    fn append_payload(&mut self, json: &[u8]) -> Option<(u64, u32)> {
        let slots = json.len().div_ceil(RECORD_SIZE);
        let capacity = self.ring.memory().slots_per_segment();
        if self.payload.as_ref().is_none_or(|open| capacity - open.taken < slots) {
            self.seal_payload();
            self.payload = Some(self.ring.payload_segment(slots)?);
        }
        let OpenSegment { segment, taken, .. } = self.payload.as_mut()?;
        let (memory, offset) = (self.ring.memory(), *taken * RECORD_SIZE);
        body::store(memory.slots(*segment), offset, json);
        *taken += slots;
        let header = memory.header(*segment);
        header.commit(*taken * RECORD_SIZE);
        Some((header.generation.load(Ordering::Relaxed), offset as u32))
    }

    /// Seals the open PAYLOAD segment, if there is one.
    pub(super) fn seal_payload(&mut self) {
        if let Some(open) = self.payload.take() {
            self.ring.seal(open);
        }
    }

    /// Passes the rest of the open PAYLOAD segment on to the next thread that needs one.
    pub(super) fn pass_payload_on(&mut self) {
        if let Some(open) = self.payload.take() {
            self.ring.pass_on(open);
        }
    }
}
