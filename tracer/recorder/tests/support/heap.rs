//! A ring's segments on the heap, which watch who has them, and the events that are in them.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use viztracer_format::header::Status;
use viztracer_format::record::{RECORD_SIZE, Record};
use viztracer_format::segment::SegmentHeader;
use viztracer_format::stack::{BlockHeader, Slot};
use viztracer_format::sync::Ordering;
use viztracer_recorder::ring::Memory;

/// Segments of a few slots.
pub struct Heap {
    segments: Vec<Segment>,
    /// How many of the segments can be grown to.
    available: u32,
    slots: usize,
    status: Status,
}

struct Segment {
    header: SegmentHeader,
    slots: Vec<Slot>,
    /// Whether a thread has it; not one of loom's, so that watching changes nothing.
    is_taken: AtomicBool,
}

/// The operating system's error number when the disk is full.
pub const NO_SPACE: i32 = 28;

impl Heap {
    /// So many segments of so many slots.
    pub fn new(segments: usize, slots: usize) -> Heap {
        let segment = || Segment {
            header: SegmentHeader::default(),
            slots: (0..slots).map(|_| Slot::default()).collect(),
            is_taken: AtomicBool::new(false),
        };
        let available = segments as u32;
        Heap { segments: (0..segments).map(|_| segment()).collect(), available, slots, status: Status::default() }
    }

    /// The same, but only some of the segments can be grown to.
    pub fn with_available(self, available: u32) -> Heap {
        Heap { available, ..self }
    }

    /// A thread gets a segment; nobody else has it.
    pub fn take(&self, segment: u32) {
        assert!(!self.segments[segment as usize].is_taken.swap(true, Relaxed), "segment {segment} was given twice");
    }

    /// A thread gives its segment up.
    pub fn give(&self, segment: u32) {
        assert!(self.segments[segment as usize].is_taken.swap(false, Relaxed));
    }

    /// Stores a record and commits it, as a thread does; both of its words hold the generation and the event.
    pub fn append(&self, segment: u32, index: usize, event: u64) {
        let generation = self.header(segment).generation.load(Ordering::Relaxed);
        self.slots(segment)[index].store(record(generation, event));
        self.header(segment).commit((index + 1) * RECORD_SIZE);
    }

    /// Copies a segment as a reader of a living file does: its generation and events. `None` if it was free or was
    /// recycled meanwhile.
    pub fn read(&self, segment: u32) -> Option<(u64, Vec<u64>)> {
        let header = self.header(segment);
        let (generation, committed) = header.begin_read();
        if generation == 0 {
            return None;
        }
        let copy: Vec<Record> = self.slots(segment)[..committed / RECORD_SIZE].iter().map(Slot::load).collect();
        if !header.still(generation) {
            return None;
        }
        let event = |found: &Record| {
            let event = found.word0 & 0xff;
            assert_eq!(*found, record(generation, event), "a record of another generation than {generation}");
            event
        };
        Some((generation, copy.iter().map(event).collect()))
    }
}

fn record(generation: u64, event: u64) -> Record {
    let word0 = generation << 8 | event;
    Record { word0, word1: !word0 }
}

impl Memory for Heap {
    fn capacity(&self) -> u32 {
        self.segments.len() as u32
    }

    fn available(&self) -> u32 {
        self.capacity()
    }

    fn grow(&self, _from: u32, to: u32) -> Result<(), i32> {
        if to <= self.available { Ok(()) } else { Err(NO_SPACE) }
    }

    fn slots_per_segment(&self) -> usize {
        self.slots
    }

    fn header(&self, segment: u32) -> &SegmentHeader {
        &self.segments[segment as usize].header
    }

    fn slots(&self, segment: u32) -> &[Slot] {
        &self.segments[segment as usize].slots
    }

    fn seal(&self, segment: u32, slots: usize) -> u64 {
        // The checksum's value does not matter here.
        self.header(segment).seal(&[]);
        slots as u64
    }

    fn blocks(&self, _segment: u32) -> impl Iterator<Item = *const BlockHeader> {
        std::iter::empty()
    }

    fn status(&self) -> &Status {
        &self.status
    }
}
