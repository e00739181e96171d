//! The selected part of a trace. Leaving events out does not break the others: a call that reaches over an edge of the
//! selected time is clipped and marked so, and the calls inside of a call that is left out move up to its caller.

mod as_of;
mod asked;
mod options;
mod time;

use crate::align::Alignment;
use crate::error::MergeError;
use crate::events::decode::{Event, Outcome, Payload};
use crate::events::timeline::{Call, StackEvent};
use crate::plan::file::{FilePlan, Thread};
pub use as_of::AsOf;
pub(crate) use as_of::OTHER_CLOCK;
pub use asked::{Bound, Selection};
pub use options::Options;
use std::collections::HashSet;
use std::ops::Range;
pub use time::TimeRange;
use time::nanoseconds;
use viztracer_format::names::Function;
use viztracer_format::record::Kind;

/// A selection for one trace: its bounds are times on the trace's time line.
#[derive(Clone, Debug)]
pub struct Selected<'a> {
    selection: &'a Selection,
    /// The selected time of each file.
    times: Vec<TimeRange>,
    /// The file and the index of each selected thread, if not all of these are; no index stands for all of a file.
    threads: Option<Vec<(usize, Option<usize>)>>,
}

impl<'a> Selected<'a> {
    /// Applies a selection to these files; `None` if it leaves nothing out.
    pub fn of(
        selection: &'a Selection,
        files: &[FilePlan],
        alignment: &Alignment,
    ) -> Result<Option<Selected<'a>>, MergeError> {
        if selection.is_everything() {
            return Ok(None);
        }
        let as_of = selection.as_of.map(|instant| instant.of_report(alignment.zero)).transpose()?;
        let time = TimeRange::of(selection, as_of, span(files, alignment), alignment.base_realtime)?;
        Ok(Some(Selected { selection, times: vec![time; files.len()], threads: None }))
    }

    /// A selection that leaves these times of the files; `None` if it leaves nothing out.
    pub fn with(selection: &'a Selection, times: &[TimeRange]) -> Option<Selected<'a>> {
        (!selection.is_everything()).then(|| Selected { selection, times: times.to_vec(), threads: None })
    }

    /// A selection that leaves a time of some threads: the file and the index of each, or of a whole file.
    pub fn of_threads(
        selection: &'a Selection,
        times: Vec<TimeRange>,
        threads: Option<Vec<(usize, Option<usize>)>>,
    ) -> Selected<'a> {
        Selected { selection, times, threads }
    }

    /// The selected time of each file.
    pub fn times(&self) -> &[TimeRange] {
        &self.times
    }

    /// The selected time, if it is the same of all files, and not all the time.
    pub fn one_time(&self) -> Option<Range<u64>> {
        let first = self.times.first().filter(|first| **first != TimeRange::ALL)?;
        self.times.iter().all(|time| time == first).then(|| first.bounds())
    }

    /// Whether a time of a file is selected.
    pub fn has(&self, file: usize, time: u64) -> bool {
        self.time(file).has(time)
    }

    fn time(&self, file: usize) -> TimeRange {
        self.times.get(file).copied().unwrap_or(TimeRange::ALL)
    }

    /// Whether the selection of a call depends on the calls around it.
    pub fn is_nested(&self) -> bool {
        self.selection.functions.is_some() || self.selection.max_depth.is_some()
    }

    /// The selection for one file, which has this index.
    pub fn file(&self, index: usize, plan: &FilePlan) -> FileSelection {
        let Selection { tids, min_duration, max_depth, .. } = self.selection;
        let process = self.selection.has_process(plan.recording.pid, &plan.process_name());
        let is_chosen = |thread| {
            let is_this = |(of, chosen): &(usize, Option<usize>)| *of == index && chosen.is_none_or(|of| of == thread);
            self.threads.as_ref().is_none_or(|threads| threads.iter().any(is_this))
        };
        let has_tid = |tid| tids.is_empty() || tids.contains(&tid);
        let thread = |(index, of): (usize, &Thread)| process && has_tid(of.tid) && is_chosen(index);
        FileSelection {
            time: self.time(index),
            is_instant: self.selection.as_of.is_some(),
            threads: plan.threads.iter().enumerate().map(thread).collect(),
            min_duration: min_duration.map_or(0, nanoseconds),
            max_depth: max_depth.unwrap_or(u32::MAX),
            roots: self.selection.functions.is_some().then(HashSet::new),
            dropped: HashSet::new(),
        }
    }

    /// Adds a function to the file's selection.
    pub fn function(&self, file: &mut FileSelection, id: u32, function: &Function<'_>, name: &str) {
        if self.selection.drop_c_functions && function.is_c {
            file.dropped.insert(id);
        }
        let matches = self.selection.functions.as_ref().is_some_and(|pattern| pattern.is_match(name));
        if let Some(roots) = file.roots.as_mut().filter(|_| matches) {
            roots.insert(id);
        }
    }
}

/// The time from the begin of the trace, which is not 0 in a trace in JSON whose time line has begun long before, to the
/// last event that any file knows of.
fn span(files: &[FilePlan], alignment: &Alignment) -> Range<u64> {
    let files = || files.iter().zip(&alignment.clocks);
    let begin = files().map(|(plan, clock)| clock.at(plan.recording.opened.ticks)).min();
    let end = files().map(|(plan, clock)| clock.at(plan.last_moment)).max();
    begin.unwrap_or(0)..end.unwrap_or(0)
}

/// The selection for one file.
#[derive(Clone, Debug)]
pub struct FileSelection {
    time: TimeRange,
    /// Whether the file is shown as of the end of the time, so that calls that end later are unfinished.
    is_instant: bool,
    /// Whether each thread of the plan is selected.
    threads: Vec<bool>,
    min_duration: u64,
    max_depth: u32,
    /// Functions inside of which everything is selected; `None` if everything is selected everywhere.
    roots: Option<HashSet<u32>>,
    /// Functions that are left out.
    dropped: HashSet<u32>,
}

impl FileSelection {
    /// When the selected time begins.
    pub fn begin(&self) -> u64 {
        self.time.bounds().start
    }

    /// Whether the selection of a call depends on the calls around it.
    pub fn is_nested(&self) -> bool {
        self.roots.is_some() || self.max_depth != u32::MAX
    }

    /// Whether calls are left out as they are short.
    pub fn drops_short_calls(&self) -> bool {
        self.min_duration > 0
    }

    /// The selected part of an event, without a look at the calls around it.
    pub fn clip<'e>(&self, event: &Event<'e>) -> Option<Event<'e>> {
        let end = event.start.saturating_add(event.duration);
        let left = self.span(event.thread, event.function, event.start, end)?;
        if event.kind.is_call() && event.duration < self.min_duration {
            return None;
        }
        let clipped = event.clipped || left != (event.start..end);
        let kind = if self.is_open_at_end(event.payload.as_ref(), &left, end) { Kind::Open } else { event.kind };
        Some(Event { kind, start: left.start, duration: left.end - left.start, clipped, ..*event })
    }

    /// Whether a call that ends at `end`, and of which this is left, was still open at the instant that is shown. An
    /// event that the program has logged with its duration keeps its kind.
    fn is_open_at_end(&self, payload: Option<&Payload<'_>>, left: &Range<u64>, end: u64) -> bool {
        self.is_instant && end > left.end && !matches!(payload, Some(Payload::Members(_)))
    }

    /// The selected part of a time on a thread.
    pub fn part_of(&self, thread: usize, time: Range<u64>) -> Option<Range<u64>> {
        if self.threads.get(thread) == Some(&true) { self.time.clip(time.start, time.end) } else { None }
    }

    /// The selected part of an event.
    fn span(&self, thread: usize, function: u32, start: u64, end: u64) -> Option<Range<u64>> {
        let is_wanted = self.threads.get(thread) == Some(&true) && !self.dropped.contains(&function);
        if is_wanted { self.time.clip(start, end) } else { None }
    }
}

/// Lets the selected stack events of a part through.
pub struct Sieve<'a> {
    selection: &'a FileSelection,
    thread: usize,
    /// Whether each open call of the thread was let through.
    kept: Vec<bool>,
    /// The open calls that were let through, outermost first.
    open: Vec<Call>,
    /// How many of the open calls are of functions inside of which everything is selected.
    roots: usize,
}

impl<'a> Sieve<'a> {
    /// Makes a sieve for the begin of a part.
    pub fn new(selection: &'a FileSelection) -> Sieve<'a> {
        Sieve { selection, thread: usize::MAX, kept: Vec::new(), open: Vec::new(), roots: 0 }
    }

    /// Passes a stack event on, clipped if need be, or counts it as left out.
    pub fn pass(
        &mut self,
        event: StackEvent<'_>,
        open: &[Call],
        left_out: &mut Outcome,
        each: &mut impl FnMut(StackEvent<'_>, &[Call]),
    ) {
        match event {
            StackEvent::Begin(call) => {
                let (_, around) = open.split_last().unwrap_or((call, &[]));
                self.settle(call.thread, around);
                if let Some(call) = self.enter(call) {
                    each(StackEvent::Begin(&call), &self.open);
                }
            }
            StackEvent::End(call, payload) => {
                if self.thread != call.thread || self.kept.len() != open.len() + 1 {
                    self.settle(call.thread, open);
                    self.enter(call);
                }
                self.roots -= usize::from(self.is_root(call.function));
                match self.kept.pop() {
                    Some(true) => {
                        let Some(begun) = self.open.pop() else { return };
                        let left = self.selection.time.clip(begun.start, call.end).unwrap_or(begun.start..begun.start);
                        let is_open = self.selection.is_open_at_end(payload, &left, call.end);
                        let kind = if is_open { Kind::Open } else { begun.kind };
                        left_out.thread(call.thread).end_later(call.kind, kind);
                        each(StackEvent::End(&Call { end: left.end, kind, ..begun }, payload), &self.open);
                    }
                    _ if call.is_overwritten() => {}
                    _ => left_out.thread(call.thread).leave_out(call.kind),
                }
            }
            StackEvent::Instant(event) => match self.selection.clip(event).filter(|_| self.is_under_root()) {
                Some(event) => each(StackEvent::Instant(&event), &self.open),
                None => left_out.thread(event.thread).leave_out(event.kind),
            },
        }
    }

    /// Enters these calls if they are missing: at the begin of a part, some calls are open already.
    fn settle(&mut self, thread: usize, calls: &[Call]) {
        if self.thread != thread || self.kept.len() != calls.len() {
            (self.thread, self.roots) = (thread, 0);
            self.kept.clear();
            self.open.clear();
            for call in calls {
                self.enter(call);
            }
        }
    }

    /// Adds a call that begins, and returns its selected part.
    fn enter(&mut self, call: &Call) -> Option<Call> {
        self.roots += usize::from(self.is_root(call.function));
        let around = self.open.iter().rev().find(|around| around.task == call.task);
        let depth = around.map_or(0, |around| around.depth + 1);
        let selection = self.selection;
        let span = selection.span(call.thread, call.function, call.start, call.end);
        // Overwritten time may hold calls of any length.
        let long_enough = call.is_overwritten() || call.end.saturating_sub(call.start) >= selection.min_duration;
        let span = span.filter(|_| long_enough && depth < selection.max_depth && self.is_under_root());
        self.kept.push(span.is_some());
        let Range { start, end } = span?;
        let is_clipped = call.is_clipped || (start, end) != (call.start, call.end);
        let call = Call { start, end, depth, is_clipped, ..*call };
        self.open.push(call);
        Some(call)
    }

    fn is_root(&self, function: u32) -> bool {
        self.selection.roots.as_ref().is_some_and(|roots| roots.contains(&function))
    }

    fn is_under_root(&self) -> bool {
        self.selection.roots.is_none() || self.roots > 0
    }
}
