//! A look at a ring file while its process runs: the headers of its segments say how much it has recorded, and nothing
//! is copied or merged. The process is not disturbed: the file is read with `pread`, and the lock that shows whether
//! the process lives is only tested.

use crate::error::{Problem, Problems};
use crate::input::ring::{Input, State, Unread};
use crate::plan::names::FileNames;
use crate::survey::table::SegmentTable;
use crate::system::open_unfollowed;
use crate::text::when;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use viztracer_format::clock::TickMap;
use viztracer_format::header::CLOCK_MONOTONIC;
use viztracer_format::reader::Segment;
use viztracer_format::record::RECORD_SIZE;

/// What the header of a ring file says, and whether its process lives.
#[derive(Clone, Debug)]
pub struct RingFacts {
    /// Whether its process still writes it.
    pub state: State,
    /// The id of the process in its PID namespace.
    pub pid: u32,
    /// When the process started, in clock ticks since boot; 0 if unknown.
    pub process_start: u64,
    /// The id of the session.
    pub session_id: [u8; 16],
    /// The command line of the process.
    pub command: Vec<String>,
    /// When it was opened, in ns since 1970.
    pub opened: u64,
}

/// What a ring file holds now.
#[derive(Clone, Debug)]
pub struct RingStatus {
    /// What its header says.
    pub facts: RingFacts,
    /// The name of the process, if it has one.
    pub name: Option<String>,
    /// Threads that have recorded and live.
    pub threads: usize,
    /// Events that were ever recorded: calls that have ended, and what the program logs.
    pub events: u64,
    /// Those among them that are overwritten.
    pub overwritten: u64,
    /// Events for which there was no space.
    pub lost: u64,
    /// Since when nothing is overwritten, in ns since 1970.
    pub complete_since: u64,
    /// When the newest segment was opened, or the file closed, to a second; in ns since 1970.
    pub written: u64,
    /// Whether its process has followed a pause of the session.
    pub is_paused: bool,
}

/// Reads the header of a ring file; a symbolic link is not followed.
///
/// # Errors
/// It cannot be read, or is no ring file.
pub fn facts(path: &Path) -> Result<RingFacts, Problem> {
    Ok(RingFacts::of(&Input::of(open_unfollowed(path)?)?))
}

/// Looks at a ring file; a symbolic link is not followed.
///
/// # Errors
/// It cannot be read, or is no ring file.
pub fn look(path: &Path) -> Result<RingStatus, Problem> {
    let input = Input::of(open_unfollowed(path)?)?;
    let table = SegmentTable::read(&input, &mut Problems::default());
    let names = FileNames::read(&input, &table.names(), drop);
    let count = Count::of(&input, &table, &names);
    let alive = names.threads.values().filter(|thread| thread.tid.is_some() && thread.ended == 0);
    let lost = names.threads.values().map(|thread| thread.lost).fold(input.header.lost, u64::saturating_add);
    Ok(RingStatus {
        facts: RingFacts::of(&input),
        threads: alive.count(),
        events: count.recorded,
        overwritten: count.overwritten,
        lost,
        complete_since: if count.overwritten == 0 { opened(&input) } else { complete_since(&input, &table) },
        written: written(&input, &table),
        is_paused: input.header.paused,
        name: names.process,
    })
}

impl RingFacts {
    fn of(input: &Input) -> RingFacts {
        RingFacts {
            state: input.state(),
            process_start: input.header.identity.process_start,
            pid: input.header.identity.pid,
            session_id: input.header.identity.session_id,
            command: input.header.arguments.clone(),
            opened: opened(input),
        }
    }
}

fn opened(input: &Input) -> u64 {
    input.header.identity.opened.realtime
}

/// Stores into a mapped page do not change the modification time of the file, so its anchors are asked.
fn written(input: &Input, table: &SegmentTable) -> u64 {
    let anchors = table.anchors.iter().map(|anchor| anchor.realtime);
    anchors.fold(opened(input).max(input.header.closed.realtime), u64::max).min(when::now())
}

/// Numbers of events.
#[derive(Default)]
struct Count {
    recorded: u64,
    overwritten: u64,
}

/// What the file says of the events of one thread.
#[derive(Default)]
struct OfThread {
    recorded: u64,
    /// Events before the oldest segment that begins with the thread.
    before: Option<u64>,
    /// Events in segments that begin with another thread. The thread recorded them before it had a segment of its own.
    shared: u64,
}

impl Count {
    /// The file says of each thread how many events it had recorded before a segment. Threads whose labels are used
    /// again are in the header. The oldest segments say what is overwritten: the later ones change during the look.
    fn of(input: &Input, table: &SegmentTable, names: &FileNames) -> Count {
        let labelled = |events: u64| OfThread { recorded: events.min(table.events_max), ..OfThread::default() };
        let mut threads: BTreeMap<u32, OfThread> =
            names.threads.iter().map(|(serial, thread)| (*serial, labelled(thread.events))).collect();
        let mut buffer = Vec::new();
        for segment in &table.calls {
            threads.entry(segment.thread).or_default().begins(segment.first_event);
            for (thread, events) in events(input, segment, &mut buffer) {
                threads.entry(thread).or_default().has(events, segment, thread);
            }
        }
        let forgotten = input.header.forgotten.events;
        threads.values().fold(Count { recorded: forgotten, overwritten: forgotten }, |sum, thread| Count {
            recorded: sum.recorded.saturating_add(thread.recorded),
            overwritten: sum.overwritten.saturating_add(thread.overwritten()),
        })
    }
}

impl OfThread {
    /// A segment, no older than those before, begins with the thread after this many of its events.
    fn begins(&mut self, first_event: u64) {
        self.before.get_or_insert(first_event);
        self.recorded = self.recorded.max(first_event);
    }

    /// A segment has this many events of the thread.
    fn has(&mut self, events: u64, segment: &Segment, thread: u32) {
        let before = if thread == segment.thread { segment.first_event } else { 0 };
        self.recorded = self.recorded.max(before.saturating_add(events));
        if thread != segment.thread {
            self.shared = self.shared.saturating_add(events);
        }
    }

    fn overwritten(&self) -> u64 {
        self.before.unwrap_or(self.recorded).saturating_sub(self.shared)
    }
}

/// The numbers of events in a segment by thread. It is read only if it has passed from thread to thread.
fn events(input: &Input, segment: &Segment, buffer: &mut Vec<u8>) -> HashMap<u32, u64> {
    let mut counts = HashMap::new();
    if segment.handovers == 0 {
        let records = (segment.committed / RECORD_SIZE) as u64;
        counts.insert(segment.thread, records.saturating_sub(segment.others.into()));
        return counts;
    }
    match input.read(input.committed(segment), buffer) {
        Ok((segment, body)) => segment.events(body).for_each(|event| *counts.entry(event.thread).or_default() += 1),
        Err(Unread::Recycled | Unread::Damaged(_)) => {}
    }
    counts
}

/// The time from which on the ring holds everything, in ns since 1970. Segments are recycled in the order of their
/// seals, so what is overwritten had ended before any thread opened the second of the segments that it still has.
fn complete_since(input: &Input, table: &SegmentTable) -> u64 {
    let mut seen = HashMap::new();
    let mut second: Option<&Segment> = None;
    for segment in &table.calls {
        let segments: &mut u32 = seen.entry(segment.thread).or_default();
        *segments += 1;
        if *segments == 2 && second.is_none_or(|second| segment.opened < second.opened) {
            second = Some(segment);
        }
    }
    second.or(table.calls.last()).map_or_else(when::now, |segment| when_opened(input, table, segment))
}

/// When a segment was opened, in ns since 1970. Without two anchors, it is the time of its own one, which is up to a
/// second earlier.
fn when_opened(input: &Input, table: &SegmentTable, segment: &Segment) -> u64 {
    let map = match input.header.identity.clock {
        CLOCK_MONOTONIC => Some(TickMap::identity()),
        _ => TickMap::new(table.anchors.iter().copied().chain([input.header.identity.opened])),
    };
    let after = map.map_or(0, |map| map.nanoseconds(segment.opened).saturating_sub(segment.anchor.monotonic));
    segment.anchor.realtime.saturating_add(after)
}
