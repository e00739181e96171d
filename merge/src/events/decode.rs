//! A run of CALLS segments into moments of the report's time line: which thread, what, when, how long.

mod logged;
mod members;

pub use members::Members;

use crate::align::Times;
use crate::chrome::sort::Entry;
use crate::error::{Problem, Problems};
use crate::input::ring::{Input, Unread};
use crate::plan::file::{Calls, FilePlan};
use std::collections::BTreeSet;
use std::ops::Range;
use viztracer_format::reader::{self, PayloadRef, Segment};
use viztracer_format::record::{FUNCTION_UNKNOWN, Kind};

/// An event with its times: nanoseconds of the report, or whatever its [`Times`] have made of its ticks.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// The place of its thread in the file's plan.
    pub thread: usize,
    /// The serial of the task that the thread was running, 0 if none.
    pub task: u32,
    /// What it was.
    pub kind: Kind,
    /// The function's id, or that of a name.
    pub function: u32,
    /// Nanoseconds since the report's base.
    pub start: u64,
    /// Nanoseconds it took.
    pub duration: u64,
    /// Whether a part of it lies outside of the time that is asked for.
    pub clipped: bool,
    /// What it carries.
    pub payload: Option<Payload<'a>>,
}

/// What an event carries.
#[derive(Clone, Copy, Debug)]
pub enum Payload<'a> {
    /// The bytes that were recorded.
    Bytes(&'a [u8]),
    /// The ring went over them.
    Overwritten,
    /// Further members of an event that came as JSON, each with a comma before it.
    Members(&'a [u8]),
}

/// What became of the events that were planned.
#[derive(Debug, Default)]
pub struct Outcome {
    /// By the thread's place in the plan.
    pub threads: Vec<ThreadOutcome>,
    /// The tasks that events are of.
    pub tasks: BTreeSet<u32>,
    /// What could not be read.
    pub problems: Problems,
}

/// What became of one thread's events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ThreadOutcome {
    /// The thread's place in the plan.
    pub thread: usize,
    /// Events in the report.
    pub written: u64,
    /// Those of them that never ended.
    pub unfinished: u64,
    /// Events that a living process overwrote after they were planned.
    pub overwritten: u64,
    /// Events that were read and not asked for. What was written may be counted in another part, so that the sums over
    /// all parts are right, and those of one may be less than nothing: they wrap.
    pub left_out: u64,
    /// Events among those written that the report has no room to draw: too many calls are around them.
    pub too_deep: u64,
}

impl ThreadOutcome {
    /// An event that was counted as written is not asked for.
    pub fn leave_out(&mut self, kind: Kind) {
        self.left_out += 1;
        self.written = self.written.wrapping_sub(1);
        self.unfinished = self.unfinished.wrapping_sub(u64::from(kind == Kind::Open));
    }
}

impl Outcome {
    /// Adds what became of other events.
    pub fn append(&mut self, other: Outcome) {
        for of in other.threads {
            let sum = self.thread(of.thread);
            sum.written = sum.written.wrapping_add(of.written);
            sum.unfinished = sum.unfinished.wrapping_add(of.unfinished);
            sum.overwritten += of.overwritten;
            sum.left_out += of.left_out;
            sum.too_deep += of.too_deep;
        }
        self.tasks.extend(other.tasks);
        self.problems.append(&other.problems);
    }

    /// The entry of a thread, made if there is none. A run of segments has few threads.
    pub fn thread(&mut self, thread: usize) -> &mut ThreadOutcome {
        let place = self.threads.iter().position(|outcome| outcome.thread == thread);
        let place = place.unwrap_or_else(|| {
            self.threads.push(ThreadOutcome { thread, ..ThreadOutcome::default() });
            self.threads.len() - 1
        });
        &mut self.threads[place]
    }
}

/// Buffers that a worker keeps from run to run.
#[derive(Debug, Default)]
pub struct Buffers {
    calls: Vec<u8>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) payload: Vec<u8>,
}

/// Decodes `calls[run]` of a file, with the times that `times` makes of its ticks.
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
    for place in run {
        let Some(calls) = file.calls.get(place) else { break };
        let committed = calls.committed as usize;
        match input.read(calls.index, calls.generation, committed, &mut buffers.calls) {
            Ok((segment, body)) => {
                let skip = file.skips.get(&(place as u32)).cloned().unwrap_or_default();
                let decoder = Decoder { file, times, skip, outcome: &mut outcome };
                decoder.segment(&segment, body, &mut payloads, &mut each);
            }
            Err(Unread::Recycled) => lose(file, calls, &mut outcome),
            Err(Unread::Damaged(problem)) => outcome.problems.add(problem),
        }
    }
    outcome
}

fn lose(file: &FilePlan, calls: &Calls, outcome: &mut Outcome) {
    if let Some(thread) = file.thread(calls.thread) {
        outcome.thread(thread).overwritten += u64::from(calls.events);
    }
}

struct Decoder<'a, T> {
    file: &'a FilePlan,
    times: &'a mut T,
    /// By serial, events still to leave out.
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
        let min_duration = self.file.header.identity.min_duration;
        let mut events = segment.events(body);
        let mut current = ThreadOutcome::default();
        let mut serial = None;
        let mut seen_task = 0;
        let (mut last_end, mut members) = (0, Vec::new());
        for event in &mut events {
            if serial != Some(event.thread) {
                self.leave(current);
                serial = Some(event.thread);
                last_end = 0;
                // A thread without a place can only come from bytes that changed since they were planned.
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
            current.written += 1;
            current.unfinished += u64::from(kind == Kind::Open);
        }
        self.leave(current);
        if events.unknown() > 0 {
            let reason = format!("{} records of unknown kind passed over", events.unknown());
            self.outcome.problems.add(Problem::at(segment.offset, reason));
        }
    }

    fn leave(&mut self, of: ThreadOutcome) {
        if of.written > 0 {
            let sum = self.outcome.thread(of.thread);
            sum.written += of.written;
            sum.unfinished += of.unfinished;
        }
    }

    fn skips(&mut self, event: &reader::Event) -> bool {
        let left = self.skip.iter_mut().find(|(thread, left)| *thread == event.thread && *left > 0);
        left.map(|(_, left)| *left -= 1).is_some()
    }
}

/// Calls whose duration says how long they took, so that short ones may be left out.
fn ended(kind: Kind) -> bool {
    matches!(kind, Kind::Return | Kind::Yield | Kind::Raise)
}

/// Payloads of one file; the segment used last is kept.
struct Payloads<'a> {
    file: &'a FilePlan,
    input: &'a Input,
    buffer: &'a mut Vec<u8>,
    /// The generation in `buffer`, and its body's committed bytes.
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
        let (_, index) = self.file.payloads.iter().find(|(of, _)| *of == generation)?;
        let (segment, body) = self.input.read_now(*index, self.buffer).ok()?;
        (segment.generation == generation).then(|| body.to_vec())
    }
}
