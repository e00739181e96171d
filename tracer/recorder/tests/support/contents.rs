//! The contents of a closed ring file, by the format's reader.

use std::collections::BTreeMap;
use std::path::Path;
use viztracer_format::header::{HEADER_SIZE, Header};
use viztracer_format::names::Entry;
use viztracer_format::reader::{Event, Segment};
use viztracer_format::segment::{SEGMENT_HEADER_SIZE, SegmentKind};
use viztracer_format::stack::{Block, blocks};

/// A file of which every byte was good.
#[derive(Debug)]
pub struct Contents {
    /// Its header.
    pub header: Header,
    /// The names of functions by id, of threads and tasks by serial.
    pub functions: BTreeMap<u32, String>,
    pub threads: BTreeMap<u32, String>,
    pub tasks: BTreeMap<u32, String>,
    /// What is elided, in the order of the entries: a function, and whether only the C functions that it calls.
    pub elided: Vec<(u32, bool)>,
    /// The events by thread, in the order of their ends.
    pub events: BTreeMap<u32, Vec<Event>>,
    /// The stack blocks that threads have.
    pub blocks: Vec<Block>,
    /// Segments of names.
    pub name_segments: usize,
}

impl Contents {
    /// Reads a file; panics at the first thing that is wrong with it.
    pub fn read(path: &Path) -> Contents {
        let bytes = std::fs::read(path).expect("the ring file can be read");
        let header = Header::parse(&bytes).expect("a good header");
        let size = header.segment_size();
        let parts = bytes[HEADER_SIZE..].chunks(size).enumerate();
        let mut segments: Vec<(Segment, &[u8])> = parts
            .filter_map(|(index, part)| {
                let segment =
                    Segment::parse(part, (HEADER_SIZE + index * size) as u64, size).expect("a good segment")?;
                let body = segment.committed(&part[SEGMENT_HEADER_SIZE..]).expect("a good body");
                Some((segment, body))
            })
            .collect();
        segments.sort_by_key(|(segment, _)| segment.generation);
        let mut contents = Contents {
            header,
            functions: BTreeMap::new(),
            threads: BTreeMap::new(),
            tasks: BTreeMap::new(),
            elided: Vec::new(),
            events: BTreeMap::new(),
            blocks: Vec::new(),
            name_segments: segments.iter().filter(|(segment, _)| segment.kind == SegmentKind::Names).count(),
        };
        for (segment, body) in segments {
            contents.add(&segment, body);
        }
        contents
    }

    /// How many events the file holds.
    pub fn kept(&self) -> usize {
        self.events.values().map(Vec::len).sum()
    }

    fn add(&mut self, segment: &Segment, body: &[u8]) {
        for entry in segment.entries(body) {
            match entry.expect("a good entry") {
                Entry::Function { id, function } => drop(self.functions.insert(id, function.name.to_owned())),
                Entry::ThreadName { serial, name } => drop(self.threads.insert(serial, name.to_owned())),
                Entry::TaskName { serial, name } => drop(self.tasks.insert(serial, name.to_owned())),
                Entry::Elided { function, only_c_calls, .. } => self.elided.push((function, only_c_calls)),
                _ => {}
            }
        }
        match segment.kind {
            SegmentKind::Calls => {
                let mut events = segment.events(body);
                for event in &mut events {
                    self.events.entry(event.thread).or_default().push(event);
                }
                assert_eq!(events.unknown(), 0);
            }
            SegmentKind::Stacks => self.blocks.extend(blocks(body)),
            _ => {}
        }
    }
}
