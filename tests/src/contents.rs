//! The contents of a ring file, read by the format's reader only.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use viztracer_format::clock::Anchor;
use viztracer_format::header::{HEADER_SIZE, Header};
use viztracer_format::names::{Entry, Function};
use viztracer_format::reader::{Event, Segment};
use viztracer_format::record::Record;
use viztracer_format::segment::{SEGMENT_HEADER_SIZE, SegmentKind};
use viztracer_format::stack::blocks;

/// A ring file without damage.
#[derive(Debug)]
pub struct Contents {
    /// Its header.
    pub header: Header,
    /// The process's name.
    pub process: Option<String>,
    /// The functions by id.
    pub functions: HashMap<u32, NamedFunction>,
    /// The threads by serial.
    pub threads: BTreeMap<u32, Thread>,
    /// The names of tasks by serial.
    pub tasks: BTreeMap<u32, String>,
    /// Segments in use.
    pub segments: usize,
}

/// A function that owns its strings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamedFunction {
    /// Qualified name.
    pub name: String,
    /// Path of the source.
    pub file: String,
    /// First line.
    pub line: u32,
    /// Whether it is a C function.
    pub is_c: bool,
}

impl NamedFunction {
    /// Returns the function for the recorder.
    pub fn borrow(&self) -> Function<'_> {
        Function { name: &self.name, file: &self.file, line: self.line, is_c: self.is_c }
    }
}

/// A thread of a ring file.
#[derive(Clone, Debug, Default)]
pub struct Thread {
    /// The operating system's id.
    pub tid: u64,
    /// Its name.
    pub name: Option<String>,
    /// Whether it has ended.
    pub ended: bool,
    /// All events it ever recorded, by its own count.
    pub total: u64,
    /// Events that were not stored for lack of space.
    pub lost: u64,
    /// Events that are in the file, in the order of their ends.
    pub events: Vec<Event>,
    /// Its open frames, outermost first.
    pub frames: Vec<Record>,
}

impl Contents {
    /// Reads a file; panics at the first error.
    pub fn read(path: &Path) -> Contents {
        let bytes = std::fs::read(path).expect("the ring file can be read");
        let header = Header::parse(&bytes).expect("a good header");
        let (process, functions, threads) = (None, HashMap::new(), BTreeMap::new());
        let tasks = BTreeMap::new();
        let mut contents = Contents { header, process, functions, threads, tasks, segments: 0 };
        let mut segments = contents.segments(&bytes);
        contents.segments = segments.len();
        segments.sort_by_key(|(segment, _)| segment.generation);
        for (segment, body) in &segments {
            let body = segment.committed(body).expect("a good segment");
            match segment.kind {
                SegmentKind::Names | SegmentKind::Labels => contents.add_names(segment, body),
                SegmentKind::Stacks => contents.add_frames(body),
                SegmentKind::Calls => contents.add_events(segment, body),
                SegmentKind::Payload => {}
            }
        }
        contents
    }

    /// Events in the file.
    pub fn kept(&self) -> u64 {
        self.threads.values().map(|thread| thread.events.len() as u64).sum()
    }

    /// The name of a function.
    pub fn name(&self, id: u32) -> &str {
        self.functions.get(&id).map_or("?", |function| &function.name)
    }

    fn segments<'b>(&self, bytes: &'b [u8]) -> Vec<(Segment, &'b [u8])> {
        let size = self.header.segment_size();
        let parts = bytes[HEADER_SIZE..].chunks(size).enumerate();
        let used = parts.filter_map(|(index, bytes)| {
            let offset = (HEADER_SIZE + index * size) as u64;
            let segment = Segment::parse(bytes, offset, size).expect("a good segment header")?;
            Some((segment, &bytes[SEGMENT_HEADER_SIZE..]))
        });
        used.collect()
    }

    fn add_names(&mut self, segment: &Segment, body: &[u8]) {
        for entry in segment.entries(body) {
            match entry.expect("a good entry") {
                Entry::Function { id, function } => {
                    let (name, file) = (function.name.to_owned(), function.file.to_owned());
                    let (line, is_c) = (function.line, function.is_c);
                    let twice = self.functions.insert(id, NamedFunction { name, file, line, is_c });
                    assert_eq!(twice, None, "function {id}");
                }
                Entry::Thread { serial, tid, ended, events, lost, .. } => {
                    let thread = self.threads.entry(serial).or_default();
                    (thread.tid, thread.ended, thread.lost) = (tid, ended != 0, lost);
                    thread.total = thread.total.max(events);
                }
                Entry::ThreadName { serial, name } => {
                    self.threads.entry(serial).or_default().name = Some(name.to_owned());
                }
                Entry::ProcessName(name) => self.process = Some(name.to_owned()),
                Entry::TaskName { serial, name } => {
                    self.tasks.insert(serial, name.to_owned());
                }
                Entry::Source { .. } | Entry::Child { .. } | Entry::Elided { .. } | Entry::Estimate { .. } => {}
                Entry::Unknown(tag) => panic!("tag {tag}"),
            }
        }
    }

    fn add_frames(&mut self, body: &[u8]) {
        // Blocks of one thread can be in any segment, in any order; empty ones are kept for deeper calls.
        for block in blocks(body).filter(|block| !block.frames.is_empty()) {
            let frames = &mut self.threads.entry(block.thread).or_default().frames;
            let (base, end) = (block.base as usize, block.base as usize + block.frames.len());
            frames.resize(frames.len().max(end), NO_FRAME);
            frames[base..end].copy_from_slice(&block.frames);
        }
    }

    fn add_events(&mut self, segment: &Segment, body: &[u8]) {
        let mut here: BTreeMap<u32, u64> = BTreeMap::new();
        let mut events = segment.events(body);
        for event in &mut events {
            self.threads.entry(event.thread).or_default().events.push(event);
            *here.entry(event.thread).or_default() += 1;
        }
        assert_eq!(events.unknown(), 0, "segment at {}", segment.offset);
        if let Some(count) = segment.sealed_events() {
            assert_eq!(count, here.values().sum::<u64>(), "segment at {}", segment.offset);
        }
        here.entry(segment.thread).or_default();
        for (serial, count) in here {
            let before = if serial == segment.thread { segment.first_event } else { 0 };
            let thread = self.threads.entry(serial).or_default();
            thread.total = thread.total.max(before + count);
        }
    }
}

/// The id for frames that no block contains; no function has this id.
pub const NO_FRAME: Record = Record { word0: 0, word1: u64::MAX };

/// Copies a file as if its process were dead.
pub fn copy_of_the_dead(from: &Path, to: &Path) {
    let mut bytes = std::fs::read(from).expect("the ring file can be read");
    let header = Header::parse(&bytes).expect("a good header");
    let arguments: String = header.arguments.iter().map(|word| format!("{word}\0")).collect();
    let identity =
        viztracer_format::header::Identity { process_start: 0, imported: Anchor::default(), ..header.identity };
    let page = identity.to_page(arguments.as_bytes());
    let status = viztracer_format::header::STATUS_OFFSET..viztracer_format::header::ARGUMENTS_OFFSET;
    bytes[..status.start].copy_from_slice(&page[..status.start]);
    bytes[status.end..HEADER_SIZE].copy_from_slice(&page[status.end..]);
    std::fs::write(to, bytes).expect("the copy can be written");
}
