//! Everything that a ring file tells, read with the crate's reader in the order of `FORMAT.md`, and its text.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use viztracer_format::FormatError;
use viztracer_format::arguments::{ArgumentsReader, StackedArguments, TEXT_IN_SLOT, is_header, is_part};
use viztracer_format::clock::TickMap;
use viztracer_format::header::{CLOCK_MONOTONIC, Forgotten, HEADER_SIZE, Header, Identity};
use viztracer_format::names::{Entry, Function};
use viztracer_format::reader::{Event, PayloadRef, Segment};
use viztracer_format::record::{RECORD_SIZE, Record};
use viztracer_format::segment::{SEGMENT_HEADER_SIZE, SegmentKind};
use viztracer_format::stack::{BLOCK_FRAMES, Block, blocks, task_of};

/// The bits of a tick count that a frame holds.
const START_MASK: u64 = (1 << 56) - 1;

/// A file that was accepted.
pub struct Walk<'b> {
    /// Its header.
    pub header: Header,
    /// How its segments were found, in the order of the file; `Ok(None)` is a free one.
    pub segments: Vec<Result<Option<(Segment, Content<'b>)>, FormatError>>,
    map: Option<TickMap>,
}

/// What a segment holds.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "named as in FORMAT.md")]
pub enum Content<'b> {
    Names(Vec<Result<Entry<'b>, FormatError>>),
    Stacks(Vec<Block>),
    Calls { events: Vec<Event>, unknown: u64 },
    Payload(&'b [u8]),
}

/// Reads a whole file.
pub fn walk(file: &[u8]) -> Result<Walk<'_>, FormatError> {
    let header = Header::parse(file)?;
    let size = header.segment_size();
    let segments: Vec<_> = file[HEADER_SIZE..]
        .chunks(size)
        .enumerate()
        .map(|(index, bytes)| segment(bytes, (HEADER_SIZE + index * size) as u64, size))
        .collect();
    let anchors = segments.iter().flatten().flatten().map(|(segment, _)| segment.anchor);
    let identity = header.identity;
    let map = match identity.clock {
        CLOCK_MONOTONIC => Some(TickMap::identity()),
        _ => TickMap::new(anchors.chain([identity.imported, identity.opened, header.closed])),
    };
    Ok(Walk { header, segments, map })
}

fn segment(bytes: &[u8], offset: u64, size: usize) -> Result<Option<(Segment, Content<'_>)>, FormatError> {
    let Some(segment) = Segment::parse(bytes, offset, size)? else { return Ok(None) };
    let committed = segment.committed(&bytes[SEGMENT_HEADER_SIZE..])?;
    let content = match segment.kind {
        SegmentKind::Names | SegmentKind::Labels => Content::Names(segment.entries(committed).collect()),
        SegmentKind::Stacks => Content::Stacks(blocks(committed).collect()),
        SegmentKind::Calls => {
            let mut reading = segment.events(committed);
            let events = reading.by_ref().collect();
            Content::Calls { events, unknown: reading.unknown() }
        }
        SegmentKind::Payload => Content::Payload(committed),
    };
    Ok(Some((segment, content)))
}

/// Reads any bytes and checks what holds for all of them, however damaged: the entry function of the fuzz target.
pub fn check(file: &[u8]) {
    let Ok(walk) = walk(file) else { return };
    for (segment, content) in walk.segments.iter().flatten().flatten() {
        let bytes = segment.committed;
        assert!(segment.offset as usize + SEGMENT_HEADER_SIZE + bytes <= file.len());
        match content {
            Content::Names(entries) => assert!(entries.len() <= bytes / 8 + 1),
            Content::Stacks(blocks) => {
                assert!(blocks.iter().all(|block| block.frames.len() <= BLOCK_FRAMES));
                check_arguments(blocks.iter().flat_map(|block| &block.frames));
            }
            Content::Calls { events, unknown } => {
                assert!(events.len() as u64 + unknown <= (bytes / RECORD_SIZE) as u64);
            }
            Content::Payload(payload) => assert_eq!(payload.len(), bytes),
        }
    }
    assert!(!walk.to_string().is_empty());
}

/// No arguments are longer than the slots that they are in.
fn check_arguments<'a>(slots: impl Iterator<Item = &'a Record>) {
    let (mut reader, mut count) = (ArgumentsReader::default(), 0);
    let check = |reader: &mut ArgumentsReader, count: usize| {
        if let Some(StackedArguments::Json(json)) = reader.finish() {
            assert!(json.len() <= count * TEXT_IN_SLOT + 1);
        }
    };
    for slot in slots {
        match is_part(*slot) {
            true => {
                reader.take(*slot);
                count += 1;
            }
            false => {
                check(&mut reader, count);
                count = 0;
            }
        }
    }
    check(&mut reader, count);
}

/// What is known of a thread.
#[derive(Default)]
struct Thread<'b> {
    tid: u64,
    name: &'b str,
    /// Events counted in its THREAD entry.
    events: u64,
    ended: u64,
    lost: u64,
    kept: u64,
    /// The newest segment that holds events of it: generation, events up to its end.
    newest: (u64, u64),
    /// The thread's last call: low 56 bits of the start, function.
    last: Option<(u64, u32)>,
}

impl<'b> Walk<'b> {
    fn contents(&self) -> impl Iterator<Item = (&Segment, &Content<'b>)> {
        self.segments.iter().flatten().flatten().map(|(segment, content)| (segment, content))
    }

    fn entries(&self) -> impl Iterator<Item = &Entry<'b>> {
        self.contents()
            .filter_map(|(_, content)| match content {
                Content::Names(entries) => Some(entries),
                _ => None,
            })
            .flatten()
            .flatten()
    }

    fn functions(&self) -> BTreeMap<u32, Function<'b>> {
        let functions = self.entries().filter_map(|entry| match entry {
            Entry::Function { id, function } => Some((*id, *function)),
            _ => None,
        });
        functions.collect()
    }

    fn threads(&self) -> BTreeMap<u32, Thread<'b>> {
        let mut threads = BTreeMap::<u32, Thread<'b>>::new();
        for entry in self.entries() {
            match *entry {
                Entry::Thread { serial, tid, ended, events, lost, .. } => {
                    let thread = threads.entry(serial).or_default();
                    (thread.tid, thread.ended, thread.events, thread.lost) = (tid, ended, events, lost);
                }
                Entry::ThreadName { serial, name } => {
                    threads.entry(serial).or_default().name = name;
                }
                _ => {}
            }
        }
        let mut calls: Vec<_> = self.contents().collect();
        calls.sort_by_key(|(segment, _)| segment.generation);
        for (segment, content) in calls {
            let Content::Calls { events, .. } = content else { continue };
            for event in events {
                let thread = threads.entry(event.thread).or_default();
                let before = if event.thread == segment.thread { segment.first_event } else { 0 };
                if thread.newest.0 != segment.generation {
                    thread.newest = (segment.generation, before);
                }
                thread.newest.1 = thread.newest.1.saturating_add(1);
                thread.kept += 1;
                if event.kind.is_call() {
                    thread.last = Some((event.start & START_MASK, event.function));
                }
            }
        }
        threads
    }

    fn payload(&self, payload: PayloadRef) -> Option<&'b [u8]> {
        let (_, content) = self.contents().find(|(segment, _)| segment.generation == payload.generation)?;
        let Content::Payload(bytes) = content else { return None };
        bytes.get(payload.offset as usize..)?.get(..payload.length as usize)
    }

    fn nanoseconds(&self, ticks: u64) -> String {
        self.map.as_ref().map_or("?".to_owned(), |map| map.nanoseconds(ticks).to_string())
    }

    fn write_header(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Header { identity, arguments, sealed, closed, .. } = &self.header;
        let Identity { version, segment_size, clock, incompatible, compatible, .. } = identity;
        writeln!(f, "version {version}, segments of {segment_size} bytes, clock {clock}")?;
        writeln!(f, "features {incompatible:#x} incompatible, {compatible:#x} compatible")?;
        let Identity { pid, parent_pid, process_start, python_version, .. } = identity;
        writeln!(f, "process {pid} of {parent_pid}, started at {process_start}: {arguments:?}")?;
        let Identity { entries, min_duration, monotonic_offset, .. } = identity;
        writeln!(f, "Python {python_version:#010x}, {entries} entries, from {min_duration} ns on")?;
        let [boot, session, file] =
            [identity.boot_id, identity.session_id, identity.file_id].map(|id| id.escape_ascii().to_string());
        writeln!(f, "boot {boot}, session {session}, file {file}")?;
        writeln!(f, "monotonic offset {monotonic_offset}")?;
        writeln!(f, "imported {:?}\nopened {:?}", identity.imported, identity.opened)?;
        let Header { unmatched, unnamed, lost, failure, forgotten, .. } = self.header;
        let Header { sync_marker, ending, last_sign, gaps, switched, .. } = self.header;
        writeln!(f, "sealed {sealed}, closed {closed:?}")?;
        writeln!(f, "unmatched {unmatched}, unnamed {unnamed}, lost {lost}, failure {failure}")?;
        if self.header.forgotten_children > 0 {
            writeln!(f, "forgotten: {} ends of children", self.header.forgotten_children)?;
        }
        if self.header.rests.count > 0 {
            writeln!(f, "rests: {:?}", self.header.rests)?;
        }
        match forgotten {
            Forgotten { threads: 0, events: 0, tasks: 0 } => (),
            Forgotten { threads, events, tasks } => {
                writeln!(f, "forgotten: {threads} threads with {events} events, {tasks} tasks")?;
            }
        }
        if (sync_marker, ending, last_sign, gaps, switched) != (0, 0, 0, 0, false) {
            writeln!(f, "sync marker {sync_marker}, ending {ending:#x}, last sign {last_sign}, gaps {gaps}")?;
            writeln!(f, "switched {switched}")?;
        }
        Ok(())
    }

    fn write_event(
        &self,
        f: &mut Formatter<'_>,
        event: &Event,
        functions: &BTreeMap<u32, Function<'_>>,
    ) -> fmt::Result {
        let Event { thread, task, kind, inherited, function, start, duration, payload, is_damaged: _ } = event;
        write!(f, "  thread {thread} ")?;
        if *task != 0 {
            write!(f, "task {task} ")?;
        }
        write!(f, "{kind:?} ")?;
        match functions.get(function) {
            Some(function) => write!(f, "{}", function.name)?,
            None => write!(f, "function {function}")?,
        }
        let end = start.saturating_add(*duration);
        write!(f, ": ticks {start} + {duration}")?;
        write!(f, ", ns {} to {}", self.nanoseconds(*start), self.nanoseconds(end))?;
        if *inherited {
            write!(f, ", inherited")?;
        }
        if let Some(payload) = payload {
            match self.payload(*payload) {
                Some(bytes) => write!(f, ", payload {:?}", String::from_utf8_lossy(bytes))?,
                None => write!(f, ", payload overwritten")?,
            }
        }
        writeln!(f)
    }
}

impl Display for Walk<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.write_header(f)?;
        let (functions, threads) = (self.functions(), self.threads());
        for found in &self.segments {
            let (segment, content) = match found {
                Ok(Some(found)) => found,
                Ok(None) => {
                    writeln!(f, "\nfree segment")?;
                    continue;
                }
                Err(error) => {
                    writeln!(f, "\n{error}")?;
                    continue;
                }
            };
            writeln!(f, "\n{segment:?}")?;
            match content {
                Content::Names(entries) => {
                    for entry in entries {
                        writeln!(f, "  {entry:?}")?;
                    }
                }
                Content::Stacks(blocks) => {
                    for block in blocks {
                        write_block(f, block, threads.get(&block.thread))?;
                    }
                }
                Content::Calls { events, unknown } => {
                    for event in events {
                        self.write_event(f, event, &functions)?;
                    }
                    writeln!(f, "  {} events, {unknown} unknown records", events.len())?;
                }
                Content::Payload(bytes) => {
                    writeln!(f, "  {:?}", String::from_utf8_lossy(bytes))?;
                }
            }
        }
        writeln!(f)?;
        for (serial, thread) in &threads {
            let Thread { tid, name, events, ended, lost, kept, newest, .. } = thread;
            let total = newest.1.max(*events);
            let overwritten = total.saturating_sub(*kept);
            let state = if *ended == 0 { "not ended" } else { "ended" };
            writeln!(
                f,
                "thread {serial} {name:?}, tid {tid}, {state}: {total} events, {kept} kept, {overwritten} overwritten, {lost} lost"
            )?;
        }
        Ok(())
    }
}

fn write_block(f: &mut Formatter<'_>, block: &Block, thread: Option<&Thread<'_>>) -> fmt::Result {
    writeln!(f, "  thread {}, {} frames below", block.thread, block.base)?;
    for frame in &block.frames {
        if let Some(task) = task_of(*frame) {
            writeln!(f, "    task {task}")?;
            continue;
        }
        if is_part(*frame) {
            let bytes = [frame.word0.to_le_bytes(), frame.word1.to_le_bytes()].concat();
            match is_header(*frame) {
                true => writeln!(f, "    arguments: {bytes:02x?}")?,
                false => writeln!(f, "    arguments: {:?}", String::from_utf8_lossy(&bytes[1..]))?,
            }
            continue;
        }
        let (function, start) = (frame.function(), frame.start());
        write!(f, "    open: function {function} at tick {start}")?;
        if Block::is_inherited(*frame) {
            write!(f, ", inherited")?;
        }
        if thread.is_some_and(|thread| thread.last == Some((start, function))) {
            write!(f, ", is the last record")?;
        }
        writeln!(f)?;
    }
    Ok(())
}
