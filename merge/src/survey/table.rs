//! The segments of a file by kind, as their headers say, and the CALLS segments whose events are counted.

use crate::error::{Problem, Problems};
use crate::input::ring::{Input, SegmentPart};
use crate::plan::file::{Calls, Records};
use std::collections::{HashMap, HashSet};
use viztracer_format::clock::Anchor;
use viztracer_format::reader::Segment;
use viztracer_format::record::RECORD_SIZE;
use viztracer_format::segment::{SEGMENT_HEADER_SIZE, SegmentHeader, SegmentKind};

/// Numbers of events by thread in one segment: nearly always of one thread.
pub(crate) type Counts = Vec<(u32, u64)>;

/// A CALLS segment whose events are counted.
#[derive(Debug)]
pub(crate) struct CountedSegment {
    /// What was counted.
    pub part: SegmentPart,
    /// The thread whose records come first.
    pub thread: u32,
    /// How many events it has.
    pub events: Counts,
}

impl CountedSegment {
    /// The threads that have events in it.
    pub fn threads(&self) -> impl Iterator<Item = u32> {
        self.events.iter().map(|(thread, _)| *thread)
    }

    /// The events of all threads.
    pub fn total(&self) -> u64 {
        self.events.iter().map(|(_, events)| events).sum()
    }

    /// The same for a plan, with this many of the events.
    pub fn planned(&self, events: u64) -> Calls {
        Calls { records: Records::Segment(self.part), thread: self.thread, events: events as u32 }
    }
}

/// The segments of a file by kind.
#[derive(Default)]
pub struct SegmentTable {
    /// CALLS segments, oldest first.
    pub calls: Vec<Segment>,
    /// Generations and indexes of NAMES and LABELS segments, oldest first.
    pub names: Vec<(u64, u32)>,
    /// Indexes of STACKS segments.
    pub stacks: Vec<u32>,
    /// Generations and indexes of PAYLOAD segments.
    pub payloads: Vec<(u64, u32)>,
    /// The anchors of all segments.
    pub anchors: Vec<Anchor>,
    /// Ticks when the newest segment was opened, or the file itself.
    pub opened: u64,
    /// The generation of the newest segment.
    pub newest: u64,
    /// The most events that all segments can ever have held. A larger count is damaged.
    pub events_max: u64,
    /// Segments of this generation or later were not all sealed when the stacks were read.
    pub unsettled: u64,
}

/// When events that were overwritten had ended at the latest, in ticks.
///
/// A thread opens a segment when it has sealed the one before. So what stood in segments before its oldest one had
/// ended when that was opened; and as segments are recycled in the order of their seals, whatever was recycled had
/// ended before any thread opened the second of those that it still has.
#[derive(Debug, Default)]
pub struct Overwritten {
    first_opened: HashMap<u32, u64>,
    latest: u64,
}

impl Overwritten {
    /// For a thread; `none_left` is when the thread or the file ended, and counts if no event of the thread is left.
    pub fn until(&self, thread: u32, none_left: u64) -> u64 {
        self.first_opened.get(&thread).copied().unwrap_or(none_left).min(self.latest)
    }
}

impl SegmentTable {
    /// Reads all segment headers.
    pub fn read(input: &Input, problems: &mut Problems) -> SegmentTable {
        let opened = input.header.identity.opened.ticks;
        let mut table = SegmentTable { unsettled: u64::MAX, opened, ..SegmentTable::default() };
        let slots = (input.header.segment_size() - SEGMENT_HEADER_SIZE) / RECORD_SIZE;
        input.segments(|index, segment| match segment {
            Ok(segment) => table.add(index, plausible(segment, slots as u64, problems)),
            Err(problem) => problems.add(problem),
        });
        table.calls.sort_unstable_by_key(Segment::order);
        table.names.sort_by_key(|(generation, _)| *generation);
        table.events_max = table.newest.saturating_mul(slots as u64);
        table
    }

    fn add(&mut self, index: u32, segment: Segment) {
        self.opened = self.opened.max(segment.opened);
        self.newest = self.newest.max(segment.generation);
        match segment.kind {
            SegmentKind::Names | SegmentKind::Labels => self.names.push((segment.generation, index)),
            SegmentKind::Stacks => self.stacks.push(index),
            SegmentKind::Payload => self.payloads.push((segment.generation, index)),
            SegmentKind::Calls => self.calls.push(segment),
        }
        if self.anchors.last() != Some(&segment.anchor) {
            self.anchors.push(segment.anchor);
        }
    }

    /// Indexes of NAMES and LABELS segments, oldest first: the last name for something holds. Of the two copies of the
    /// labels of a living file, which have the same generations, the second is the later one.
    pub fn names(&self) -> Vec<u32> {
        self.names.iter().map(|(_, index)| *index).collect()
    }

    /// The oldest generation of calls that may not have been sealed when this was read. Segments that were opened
    /// meanwhile may be missing.
    pub fn unsealed(&self) -> u64 {
        let unsealed = self.calls.iter().filter(|segment| segment.seal.is_none());
        unsealed.map(|segment| segment.generation).min().unwrap_or(u64::MAX)
    }

    /// By generation, the events that the segment's thread had recorded before.
    pub fn first_events(&self) -> HashMap<u64, u64> {
        self.calls.iter().map(|segment| (segment.generation, segment.first_event)).collect()
    }

    /// When overwritten events had ended at the latest, by the segments that could be read.
    pub fn overwritten(&self, read: &[CountedSegment], is_living: bool) -> Overwritten {
        let read: HashSet<u64> = read.iter().map(|segment| segment.part.generation).collect();
        let mut overwritten = Overwritten::default();
        let mut second = HashMap::new();
        for segment in self.calls.iter().filter(|of| of.committed == 0 || read.contains(&of.generation)) {
            let first = overwritten.first_opened.contains_key(&segment.thread);
            let opened = if first { &mut second } else { &mut overwritten.first_opened };
            opened.entry(segment.thread).or_insert(segment.opened);
        }
        // A process that goes on may have overwritten newer segments than some that were read before.
        overwritten.latest = second.into_values().min().filter(|_| !is_living).unwrap_or(u64::MAX);
        overwritten
    }

    /// Threads that recorded events, since the stacks were read, which are in none of these segments.
    pub fn threads_with_gaps(&self, counted: &[CountedSegment]) -> HashSet<u32> {
        let first_events = self.first_events();
        let mut recorded: HashMap<u32, u64> = HashMap::new();
        let mut gaps = HashSet::new();
        for CountedSegment { part, thread: first, events } in counted {
            for (thread, events) in events {
                let so_far = recorded.entry(*thread).or_default();
                let before = first_events.get(&part.generation).copied();
                let before = before.filter(|_| thread == first).unwrap_or(*so_far);
                if before != *so_far && part.generation >= self.unsettled {
                    gaps.insert(*thread);
                }
                *so_far = before.saturating_add(*events);
            }
        }
        gaps
    }
}

/// The segment, without a `first_event` that the segments allocated before it cannot have held.
fn plausible(segment: Segment, slots: u64, problems: &mut Problems) -> Segment {
    let most = (segment.generation - 1).saturating_mul(slots);
    if segment.kind != SegmentKind::Calls || segment.first_event <= most {
        return segment;
    }
    let reason = format!("{} events before this segment, but there was space for {most}", segment.first_event);
    problems.add(Problem::at(segment.offset + FIRST_EVENT, reason));
    Segment { first_event: 0, ..segment }
}

/// Where a segment's header has its count of earlier events.
const FIRST_EVENT: u64 = std::mem::offset_of!(SegmentHeader, first_event) as u64;
