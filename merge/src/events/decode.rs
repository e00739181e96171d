//! Decodes a run of CALLS segments into events on the report's time line.

mod logged;
mod members;

pub use members::{CALL_MARKS, EventMembers, MARK_ABANDONED, MARK_CLIPPED, MARK_INHERITED};

use crate::align::Times;
use crate::chrome::sort::StoredEvent;
use crate::error::{Problem, Problems};
use crate::input::ring::{Input, Unread};
use crate::plan::file::{Calls, FilePlan};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::ops::Range;
use viztracer_format::reader::{self, PayloadRef, Segment};
use viztracer_format::record::{FUNCTION_UNKNOWN, Kind};

/// An event with its times: nanoseconds of the report, or whatever its [`Times`] have made of its ticks.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// The index of its thread in the file's plan.
    pub thread: usize,
    /// The serial of the task that the thread was running, 0 if none.
    pub task: u32,
    /// The kind of event.
    pub kind: Kind,
    /// The id of the function, or of the event's name.
    pub function: u32,
    /// When the event began, in nanoseconds since the report's base.
    pub start: u64,
    /// How many nanoseconds it took.
    pub duration: u64,
    /// Whether a part of it lies outside of the selected time.
    pub clipped: bool,
    /// Its arguments or values, if it has any.
    pub payload: Option<Payload<'a>>,
}

/// The arguments or values of an event.
#[derive(Clone, Copy, Debug)]
pub enum Payload<'a> {
    /// The bytes that were recorded.
    Bytes(&'a [u8]),
    /// The ring has overwritten them.
    Overwritten,
    /// Further members of an event that came as JSON, each with a comma before it.
    Members(&'a [u8]),
    /// The event stands for so many calls, which are merged.
    Merged(u32),
}

impl Payload<'_> {
    /// The arguments by name. A payload is a JSON object as the traced program wrote it; anything else is shown as the
    /// text that it is.
    pub fn arguments(&self) -> Map<String, Value> {
        let one = |name: &str, value: Value| Map::from_iter([(name.to_owned(), value)]);
        match self {
            Payload::Overwritten => one("overwritten", true.into()),
            Payload::Members(members) => EventMembers::of(members).arguments(),
            Payload::Merged(calls) => one("calls", (*calls).into()),
            Payload::Bytes(bytes) => match serde_json::from_slice(bytes) {
                Ok(Value::Object(arguments)) => arguments,
                _ => one("value", String::from_utf8_lossy(bytes).into()),
            },
        }
    }
}

/// Counts of the events that were read.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The counts of each thread.
    pub threads: Vec<ThreadOutcome>,
    /// The tasks that the events belong to.
    pub tasks: BTreeSet<u32>,
    /// What could not be read.
    pub problems: Problems,
}

/// Counts of one thread's events. An event that never ended may be read in an earlier part than it is left out, so of
/// one part more may be left out than was read. All counts only grow, and their sums over all parts are right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ThreadOutcome {
    /// The index of the thread in the plan.
    pub thread: usize,
    /// Events that were read, whether they are in the report or left out.
    pub read: u64,
    /// Events among those read that never ended.
    pub unfinished: u64,
    /// Events that a living process overwrote after they were planned.
    pub overwritten: u64,
    /// Events among those read that are not in the report, since they are not selected.
    pub left_out: u64,
    /// Events among those left out that never ended.
    pub unfinished_left_out: u64,
    /// Events in the report that it cannot draw: too many calls are around them.
    pub too_deep: u64,
}

impl ThreadOutcome {
    /// Counts an event that was read as left out.
    pub fn leave_out(&mut self, kind: Kind) {
        self.left_out += 1;
        self.unfinished_left_out += u64::from(kind == Kind::Open);
    }

    /// Counts a call of the kind `read` that ends later than the report, and so is shown as `kind`.
    pub fn end_later(&mut self, read: Kind, kind: Kind) {
        self.unfinished += u64::from(kind == Kind::Open && read != Kind::Open);
    }
}

impl Outcome {
    /// Adds the counts of other events.
    pub fn append(&mut self, other: Outcome) {
        for of in other.threads {
            let sum = self.thread(of.thread);
            sum.read += of.read;
            sum.unfinished += of.unfinished;
            sum.overwritten += of.overwritten;
            sum.left_out += of.left_out;
            sum.unfinished_left_out += of.unfinished_left_out;
            sum.too_deep += of.too_deep;
        }
        self.tasks.extend(other.tasks);
        self.problems.append(&other.problems);
    }

    /// The counts of a thread, which are added if there are none. A run of segments has few threads.
    pub fn thread(&mut self, thread: usize) -> &mut ThreadOutcome {
        let index = self.threads.iter().position(|outcome| outcome.thread == thread).unwrap_or_else(|| {
            self.threads.push(ThreadOutcome { thread, ..ThreadOutcome::default() });
            self.threads.len() - 1
        });
        &mut self.threads[index]
    }
}

/// Buffers that a worker keeps from run to run.
#[derive(Debug, Default)]
pub struct Buffers {
    calls: Vec<u8>,
    pub(crate) entries: Vec<StoredEvent>,
    pub(crate) payload: Vec<u8>,
}

/// Decodes the segments `calls[run]` of a file. `times` converts their ticks.
pub fn decode(
    file: &FilePlan,
    input: &Input,
    times: &mut impl Times,
    run: Range<usize>,
    buffers: &mut Buffers,
    mut each: impl FnMut(&Event<'_>),
) -> Outcome {
    let mut outcome = Outcome::default();
    let mut payloads = Payloads { file, input, buffer: &mut buffers.payload, loaded: None };
    for index in run {
        let Some(calls) = file.calls.get(index) else { break };
        let Some(segment) = calls.segment() else { continue };
        match input.read(segment, &mut buffers.calls) {
            Ok((segment, body)) => {
                let skip = file.skips.get(&(index as u32)).cloned().unwrap_or_default();
                let decoder = Decoder { file, times, skip, outcome: &mut outcome };
                decoder.segment(&segment, body, &mut payloads, &mut each);
            }
            Err(Unread::Recycled) => count_overwritten(file, calls, &mut outcome),
            Err(Unread::Damaged(problem)) => outcome.problems.add(problem),
        }
    }
    outcome
}

fn count_overwritten(file: &FilePlan, calls: &Calls, outcome: &mut Outcome) {
    if let Some(thread) = file.thread(calls.thread) {
        outcome.thread(thread).overwritten += u64::from(calls.events);
    }
}

struct Decoder<'a, T> {
    file: &'a FilePlan,
    times: &'a mut T,
    /// How many events of a thread are still to be skipped, by the thread's serial.
    skip: Vec<(u32, u64)>,
    outcome: &'a mut Outcome,
}

impl<T: Times> Decoder<'_, T> {
    #[inline]
    fn segment(
        mut self,
        segment: &Segment,
        body: &[u8],
        payloads: &mut Payloads<'_>,
        each: &mut impl FnMut(&Event<'_>),
    ) {
        let min_duration = self.file.min_duration();
        let mut events = segment.events(body);
        let mut current = ThreadOutcome::default();
        let mut serial = None;
        let mut seen_task = 0;
        let (mut last_end, mut members, mut damaged) = (0, Vec::new(), 0);
        #[allow(
            clippy::while_let_on_iterator,
            reason = "the iterator of a reference is not inlined, and copies events"
        )]
        while let Some(event) = events.next() {
            if serial != Some(event.thread) {
                self.count(current);
                serial = Some(event.thread);
                last_end = 0;
                // A thread that is not in the plan can only come from bytes that changed since they were planned.
                let Some(thread) = self.file.thread(event.thread) else {
                    serial = None;
                    current = ThreadOutcome::default();
                    continue;
                };
                current = ThreadOutcome { thread, ..ThreadOutcome::default() };
            }
            let end = event.start.saturating_add(event.duration);
            let is_in_order = end >= last_end;
            last_end = last_end.max(end);
            if !self.skip.is_empty() && self.skips(&event) {
                continue;
            }
            if self.file.is_damaged(segment, &event) {
                damaged += 1;
                continue;
            }
            let (start, duration) = self.times.span(event.start, event.duration);
            if duration < min_duration && ended(event.kind) {
                continue;
            }
            let reader::Event { task, kind, function, .. } = event;
            if task != seen_task {
                seen_task = task;
                self.outcome.tasks.insert(task);
            }
            let payload = event.payload.map(|reference| payloads.get(reference));
            let (kind, payload) = match (kind, payload) {
                (Kind::Other, Some(Payload::Bytes(json))) => {
                    let may_be_call = is_in_order && function != FUNCTION_UNKNOWN;
                    match logged::read(json, may_be_call, &mut members) {
                        Some(kind) => (kind, Some(Payload::Members(&members))),
                        None => (Kind::Instant, payload),
                    }
                }
                (Kind::Other, payload) => (Kind::Instant, payload),
                other => other,
            };
            each(&Event { thread: current.thread, task, kind, function, start, duration, clipped: false, payload });
            current.read += 1;
            current.unfinished += u64::from(kind == Kind::Open);
        }
        self.count(current);
        let passed_over =
            [(events.unknown(), "of unknown kind"), (damaged, "that refer to the payloads of other records")];
        for (records, what) in passed_over.into_iter().filter(|(records, _)| *records > 0) {
            let reason = format!("{records} records {what} passed over");
            self.outcome.problems.add(Problem::at(segment.offset, reason));
        }
    }

    fn count(&mut self, of: ThreadOutcome) {
        if of.read > 0 {
            let sum = self.outcome.thread(of.thread);
            sum.read += of.read;
            sum.unfinished += of.unfinished;
        }
    }

    fn skips(&mut self, event: &reader::Event) -> bool {
        let left = self.skip.iter_mut().find(|(thread, left)| *thread == event.thread && *left > 0);
        left.map(|(_, left)| *left -= 1).is_some()
    }
}

/// Whether a call ended by itself, so that its duration is how long it took and a short one may be dropped.
fn ended(kind: Kind) -> bool {
    matches!(kind, Kind::Return | Kind::Yield | Kind::Raise)
}

/// The payloads of one file. The segment that was used last is kept.
struct Payloads<'a> {
    file: &'a FilePlan,
    input: &'a Input,
    buffer: &'a mut Vec<u8>,
    /// The generation of the segment used last, and the committed bytes of its body.
    loaded: Option<(u64, Vec<u8>)>,
}

impl Payloads<'_> {
    #[cold]
    fn get(&mut self, reference: PayloadRef) -> Payload<'_> {
        if self.loaded.as_ref().is_none_or(|(loaded, _)| *loaded != reference.generation) {
            self.loaded = self.load(reference.generation).map(|body| (reference.generation, body));
        }
        let (offset, length) = (reference.offset as usize, reference.length as usize);
        let body = self.loaded.as_ref().map_or(&[][..], |(_, body)| body);
        match body.get(offset..).and_then(|rest| rest.get(..length)) {
            Some(bytes) if self.loaded.is_some() => Payload::Bytes(bytes),
            _ => Payload::Overwritten,
        }
    }

    fn load(&mut self, generation: u64) -> Option<Vec<u8>> {
        let index = self.file.payload_segment(generation)?;
        let (segment, body) = self.input.read_now(index, self.buffer).ok()?;
        (segment.generation == generation).then(|| body.to_vec())
    }
}
