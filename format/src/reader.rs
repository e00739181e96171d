//! Decodes the bytes of segments. It takes copies of bytes, so that a file which changes meanwhile cannot
//! change them; believes no size, kind or count without a check.

use crate::clock::Anchor;
use crate::error::FormatError;
use crate::labels;
use crate::names::{self, Entry};
use crate::record::{DURATION_EXTENDED, INHERITED, Kind, RECORD_SIZE, Record, full_ticks};
use crate::segment::{SEALED, SEGMENT_HEADER_SIZE, SegmentKind};
use std::collections::BTreeMap;

/// The header of a segment that is in use, read and checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Where the segment begins in the file.
    pub offset: u64,
    /// Its allocation number; higher ones were opened later.
    pub generation: u64,
    /// What it holds.
    pub kind: SegmentKind,
    /// The thread whose records come first.
    pub thread: u32,
    /// Events that this thread recorded before.
    pub first_event: u64,
    /// Ticks when it was opened.
    pub opened: u64,
    /// The newest anchor then.
    pub anchor: Anchor,
    /// Bytes of the body that are complete.
    pub committed: usize,
    /// The checksum of those bytes if the segment is sealed.
    pub seal: Option<u32>,
    /// Records that are no events.
    pub others: u32,
    /// THREAD records among them.
    pub handovers: u32,
}

impl Segment {
    /// Reads the first [`SEGMENT_HEADER_SIZE`] bytes of the segment at `offset`; `Ok(None)` if it is free.
    pub fn parse(bytes: &[u8], offset: u64, segment_size: usize) -> Result<Option<Segment>, FormatError> {
        let header: &[u8; SEGMENT_HEADER_SIZE] = bytes.first_chunk().ok_or(FormatError::TooShort {
            offset,
            need: SEGMENT_HEADER_SIZE as u64,
            found: bytes.len() as u64,
        })?;
        let words: [u64; SEGMENT_HEADER_SIZE / 8] = bytemuck::pod_read_unaligned(header);
        let [generation, owner, first_event, opened, ticks, monotonic, realtime, seal, committed, others, ..] = words;
        if generation == 0 {
            return Ok(None);
        }
        let kind = SegmentKind::from_byte(owner as u8).ok_or(FormatError::Field {
            field: "segment kind",
            offset: offset + 8,
            value: owner & 0xff,
        })?;
        let unit = if kind == SegmentKind::Calls { RECORD_SIZE as u64 } else { 1 };
        if committed > (segment_size - SEGMENT_HEADER_SIZE) as u64 || committed % unit != 0 {
            return Err(FormatError::Field { field: "committed", offset: offset + 64, value: committed });
        }
        Ok(Some(Segment {
            offset,
            generation,
            kind,
            thread: (owner >> 32) as u32,
            first_event,
            opened,
            anchor: Anchor { ticks, monotonic, realtime },
            committed: committed as usize,
            seal: (seal & SEALED != 0).then_some(seal as u32),
            others: others as u32,
            handovers: (others >> 32) as u32,
        }))
    }

    /// The committed bytes of this segment's body, given the whole body; checks the seal.
    pub fn committed<'b>(&self, body: &'b [u8]) -> Result<&'b [u8], FormatError> {
        let offset = self.offset + SEGMENT_HEADER_SIZE as u64;
        let committed = body.get(..self.committed).ok_or(FormatError::TooShort {
            offset,
            need: self.committed as u64,
            found: body.len() as u64,
        })?;
        match self.seal {
            Some(crc) if crc != crc32fast::hash(committed) => Err(FormatError::SegmentChecksum(self.offset)),
            _ => Ok(committed),
        }
    }

    /// The entries in the committed bytes of a NAMES segment; of a LABELS segment, the entries that its slots stand
    /// for.
    pub fn entries<'b>(&self, committed: &'b [u8]) -> impl Iterator<Item = Result<Entry<'b>, FormatError>> + use<'b> {
        let offset = self.offset + SEGMENT_HEADER_SIZE as u64;
        let bytes = |kind| if self.kind == kind { committed } else { &[] };
        names::entries(bytes(SegmentKind::Names), offset).chain(labels::entries(bytes(SegmentKind::Labels), offset))
    }

    /// Events in a sealed CALLS segment, by its header; `None` while it is open and must be read to know.
    pub fn sealed_events(&self) -> Option<u64> {
        self.seal?;
        ((self.committed / RECORD_SIZE) as u64).checked_sub(self.others.into())
    }

    /// Its place among the segments of its kind.
    pub fn order(&self) -> SegmentOrder {
        (self.generation, self.offset)
    }

    /// Whether events may have extensions. The header of a sealed CALLS segment says if all other records are THREAD
    /// records.
    pub fn has_extensions(&self) -> bool {
        self.seal.is_none() || self.others != self.handovers
    }

    /// The events in the committed bytes of a CALLS segment.
    pub fn events<'b>(&self, committed: &'b [u8]) -> Events<'b> {
        let (ends, has_extensions) = (BTreeMap::new(), self.has_extensions());
        Events {
            records: committed,
            thread: self.thread,
            task: 0,
            opened: self.opened,
            unknown: 0,
            has_extensions,
            ends,
        }
    }
}

/// A segment's place among others: by generation, and if a damaged file has one twice, by offset.
pub type SegmentOrder = (u64, u64);

/// Something that happened on a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// The thread's serial.
    pub thread: u32,
    /// The serial of the task that the thread was running, 0 if none.
    pub task: u32,
    /// What it was, or how the call ended.
    pub kind: Kind,
    /// Whether the call's frame was inherited by `fork`.
    pub inherited: bool,
    /// The function's id, or that of a name.
    pub function: u32,
    /// Ticks at the begin.
    pub start: u64,
    /// Ticks it took.
    pub duration: u64,
    /// Where its payload stands.
    pub payload: Option<PayloadRef>,
    /// Whether that payload, or a part of it, belongs to an earlier event of the segment. Such a record is damaged, if
    /// the file has a segment of that generation.
    pub is_damaged: bool,
}

/// Where a payload stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayloadRef {
    /// Generation of the PAYLOAD segment; if none has it, the payload was overwritten.
    pub generation: u64,
    /// Offset in its body.
    pub offset: u32,
    /// Bytes.
    pub length: u32,
}

impl PayloadRef {
    /// What a PAYLOAD record says.
    fn of(record: Record) -> PayloadRef {
        let (offset, length) = (record.word1 as u32, (record.word1 >> 32) as u32);
        PayloadRef { generation: record.start(), offset, length }
    }
}

/// What all PAYLOAD records in the committed bytes of a CALLS segment say, whether or not they extend an event.
pub fn payload_refs(committed: &[u8]) -> impl Iterator<Item = PayloadRef> {
    let (records, _) = committed.as_chunks::<RECORD_SIZE>();
    let of_payloads = records.iter().filter(|record| Kind::from_byte(record[0]) == Some(Kind::Payload));
    of_payloads.map(|record| PayloadRef::of(bytemuck::pod_read_unaligned(record)))
}

/// The events of one CALLS segment in the order of their ends.
#[derive(Clone, Debug)]
pub struct Events<'b> {
    records: &'b [u8],
    thread: u32,
    task: u32,
    opened: u64,
    unknown: u64,
    has_extensions: bool,
    /// By generation, where the newest payload ends.
    ends: BTreeMap<u64, u64>,
}

impl Events<'_> {
    /// Records passed over so far because their kind is unknown or they extend nothing.
    pub fn unknown(&self) -> u64 {
        self.unknown
    }

    #[inline]
    fn peek(&self) -> Option<Record> {
        self.records.first_chunk::<RECORD_SIZE>().map(|bytes| bytemuck::pod_read_unaligned(bytes))
    }

    #[inline]
    fn skip(&mut self) {
        self.records = &self.records[RECORD_SIZE..];
    }

    /// The event of a record without extensions.
    #[inline(always)]
    fn event(&self, record: Record, kind: Kind) -> Event {
        Event {
            thread: self.thread,
            task: self.task,
            kind,
            inherited: record.kind_byte() & INHERITED != 0,
            function: record.function(),
            start: full_ticks(record.start(), self.opened),
            duration: record.duration(),
            payload: None,
            is_damaged: false,
        }
    }

    /// The event of a record with the extensions that belong to it: LONG only if its duration says that there is one.
    #[inline(never)]
    fn extended(&mut self, record: Record, kind: Kind) -> Event {
        let mut event = self.event(record, kind);
        let is_long = event.duration == DURATION_EXTENDED;
        while let Some(next) = self.peek() {
            match Kind::from_byte(next.kind_byte()) {
                Some(Kind::Long) if is_long => event.duration = next.start(),
                Some(Kind::Payload) => event.payload = Some(PayloadRef::of(next)),
                _ => break,
            }
            self.skip();
        }
        event.is_damaged = event.payload.is_some_and(|payload| !self.take(payload));
        event
    }

    /// Whether the next record is the payload of an event.
    #[inline(always)]
    fn is_payload_next(&self) -> bool {
        self.peek().and_then(|record| Kind::from_byte(record.kind_byte())) == Some(Kind::Payload)
    }

    /// Whether a payload is behind those of the earlier events. A writer stores one payload behind the other, each for
    /// one event. Without this check, one segment could show the same bytes as often as it has records.
    #[cold]
    fn take(&mut self, PayloadRef { generation, offset, length }: PayloadRef) -> bool {
        if generation == 0 {
            return true; // it could not be stored
        }
        if !self.has_extensions {
            return false;
        }
        let end = self.ends.entry(generation).or_default();
        let is_behind = u64::from(offset) >= *end;
        if is_behind {
            *end = u64::from(offset) + u64::from(length);
        }
        is_behind
    }
}

impl Iterator for Events<'_> {
    type Item = Event;

    // The usual event stays in registers: to copy what was just written byte by byte takes the processor longer than all
    // the rest. So this is always inlined, and no reference to that event is given away.
    #[inline(always)]
    fn next(&mut self) -> Option<Event> {
        loop {
            let record = self.peek()?;
            self.skip();
            match Kind::from_byte(record.kind_byte()) {
                Some(kind) if kind.is_event() => {
                    if record.duration() == DURATION_EXTENDED || !kind.is_call() || self.is_payload_next() {
                        return Some(self.extended(record, kind));
                    }
                    return Some(self.event(record, kind));
                }
                Some(Kind::Thread) => (self.thread, self.task) = (record.word1 as u32, 0),
                Some(Kind::Task) => self.task = record.word1 as u32,
                _ => self.unknown += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::DURATION_MAX;

    fn events(records: &[u8]) -> Events<'_> {
        Events { records, thread: 1, task: 0, opened: 0, unknown: 0, has_extensions: true, ends: BTreeMap::new() }
    }

    #[test]
    fn payloads_of_one_generation_stand_one_behind_the_other() {
        let references = [
            (3, 0, 10),
            (4, 0, 5),
            (3, 16, 4),
            (3, 19, 9),
            (4, 16, u32::MAX),
            (0, 0, 7),
            (0, 0, 7),
            (4, 20, 1),
            (3, 20, 1),
        ];
        let damaged = [3, 7];
        let record = Record::new(Kind::Return as u8, 0, 1, 1);
        let of = |(generation, offset, length)| [record, Record::payload(generation, offset, length)];
        let records: Vec<Record> = references.into_iter().flat_map(of).collect();
        for (number, event) in events(bytemuck::cast_slice(&records)).enumerate() {
            assert_eq!(event.is_damaged, damaged.contains(&number), "{number}");
        }
    }

    #[test]
    fn a_segment_without_extensions_has_no_payloads() {
        let record = Record::new(Kind::Return as u8, 0, 1, 1);
        let records = [record, Record::payload(3, 0, 5), record];
        let bytes: &[u8] = bytemuck::cast_slice(&records);
        let damaged = |has_extensions| {
            let events = Events { has_extensions, ..events(bytes) };
            events.map(|event| event.is_damaged).collect::<Vec<_>>()
        };
        assert_eq!((damaged(true), damaged(false)), (vec![false, false], vec![true, false]));
    }

    #[test]
    fn a_duration_is_longer_only_where_its_record_says_so() {
        let payload = Record::payload(3, 4, 5);
        for (duration, expected, unknown) in
            [(10, 10, 1), (DURATION_MAX, DURATION_MAX, 1), (DURATION_EXTENDED, 1 << 50, 0)]
        {
            let records = [Record::new(Kind::Return as u8, 0, duration, 1), payload, Record::long(1 << 50)];
            let bytes: &[u8] = bytemuck::cast_slice(&records);
            let mut events = events(bytes);
            let event = events.next().unwrap();
            assert_eq!((event.duration, event.payload.is_some()), (expected, true));
            assert_eq!((events.next(), events.unknown()), (None, unknown));
        }
    }
}
