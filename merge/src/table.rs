//! The segments of a file by kind, as their headers tell.

use crate::error::Problems;
use crate::input::Input;
use crate::plan::{Calls, Counts};
use std::collections::{HashMap, HashSet};
use viztracer_format::clock::Anchor;
use viztracer_format::reader::Segment;
use viztracer_format::segment::SegmentKind;

/// The segments of a file by kind.
#[derive(Default)]
pub struct Table {
    /// CALLS segments, oldest first.
    pub calls: Vec<Segment>,
    /// Indexes of NAMES segments.
    pub names: Vec<u32>,
    /// Indexes of STACKS segments.
    pub stacks: Vec<u32>,
    /// Generations and indexes of PAYLOAD segments.
    pub payloads: Vec<(u64, u32)>,
    /// Their anchors.
    pub anchors: Vec<Anchor>,
    /// Segments of this generation or later were not all sealed when the stacks were read.
    pub unsettled: u64,
}

impl Table {
    /// Reads all segment headers.
    pub fn read(input: &Input, problems: &mut Problems) -> Table {
        let mut table = Table { unsettled: u64::MAX, ..Table::default() };
        input.segments(|index, segment| match segment {
            Ok(segment) => table.add(index, segment),
            Err(problem) => problems.add(problem),
        });
        table.calls.sort_unstable_by_key(|segment| segment.generation);
        table
    }

    fn add(&mut self, index: u32, segment: Segment) {
        match segment.kind {
            SegmentKind::Names => self.names.push(index),
            SegmentKind::Stacks => self.stacks.push(index),
            SegmentKind::Payload => self.payloads.push((segment.generation, index)),
            SegmentKind::Calls => self.calls.push(segment),
        }
        if self.anchors.last() != Some(&segment.anchor) {
            self.anchors.push(segment.anchor);
        }
    }

    /// By generation, the events that the segment's thread had recorded before.
    pub fn first_events(&self) -> HashMap<u64, u64> {
        self.calls.iter().map(|segment| (segment.generation, segment.first_event)).collect()
    }

    /// Threads that recorded events, since the stacks were read, which are in none of these segments.
    pub fn threads_with_gaps(&self, calls: &[Calls], counts: &[Counts]) -> HashSet<u32> {
        let first_events = self.first_events();
        let mut recorded: HashMap<u32, u64> = HashMap::new();
        let mut gaps = HashSet::new();
        for (calls, counts) in calls.iter().zip(counts) {
            for (thread, events) in counts {
                let so_far = recorded.entry(*thread).or_default();
                let before = first_events.get(&calls.generation).copied();
                let before = before.filter(|_| *thread == calls.thread).unwrap_or(*so_far);
                if before != *so_far && calls.generation >= self.unsettled {
                    gaps.insert(*thread);
                }
                *so_far = before.saturating_add(*events);
            }
        }
        gaps
    }
}
