//! A part of a file, and its reader: as events in recorded order, or as stack events in the order of time.

use super::missing::{Missing, longest};
use crate::align::{Clock, Ticks, Times};
use crate::error::Problem;
use crate::events::content::Content;
use crate::events::decode::{Buffers, Event, Outcome};
use crate::events::selection::{FileSelection, Sieve};
use crate::events::timeline::{
    Call, Detail, Edges, FileWindows, Nester, StackEvent, arguments, count_unfinished, unfinished,
};
use crate::plan::file::FilePlan;
use std::ops::Range;

/// Records in a part: enough that a part is near 1 MiB of text, which is what a gzip member should have.
const RECORDS_PER_PART: usize = 8192;

/// A run of a file's CALLS segments. Every file has a first one, be it empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The index of the file.
    pub file: usize,
    /// How many parts of the file come before.
    pub number: usize,
    first: usize,
    end: usize,
}

impl Part {
    /// Whether the report begins with it.
    pub fn is_first(&self) -> bool {
        (self.file, self.number) == (0, 0)
    }

    /// Events that the plan of its file expects here.
    pub fn planned(&self, plan: &FilePlan) -> u64 {
        let calls = plan.calls.get(self.first..self.end).unwrap_or_default();
        calls.iter().map(|calls| u64::from(calls.events)).sum()
    }
}

/// The parts of all files.
pub fn parts(files: &[FilePlan]) -> Vec<Part> {
    let mut parts = Vec::new();
    for (file, plan) in files.iter().enumerate() {
        let (mut first, mut number) = (0, 0);
        loop {
            let end = plan.run_of(first, RECORDS_PER_PART);
            parts.push(Part { file, number, first, end });
            (first, number) = (end, number + 1);
            if first >= plan.calls.len() {
                break;
            }
        }
    }
    parts
}

/// Memory that a worker keeps from part to part.
#[derive(Debug, Default)]
pub struct Scratch {
    buffers: Buffers,
    nester: Nester,
}

/// A part that can be read.
pub struct Reader<'a> {
    /// Its file's plan.
    pub plan: &'a FilePlan,
    /// Its file's clock.
    pub clock: &'a Clock,
    pub(super) content: &'a Result<Content, Problem>,
    /// Which part it is.
    pub part: &'a Part,
    /// The windows of its file, without which it has no stack events and nothing is known to be missing.
    pub(super) windows: Option<&'a FileWindows>,
    /// The selection, unless it leaves nothing out.
    pub(super) selection: Option<&'a FileSelection>,
    pub(super) scratch: &'a mut Scratch,
}

impl Reader<'_> {
    /// Whether this is the first part of its file.
    pub fn is_first(&self) -> bool {
        self.part.number == 0
    }

    /// Whether this is the last part of its file.
    pub fn is_last(&self) -> bool {
        self.part.end >= self.plan.calls.len()
    }

    /// Events that the plan expects here.
    pub fn planned(&self) -> u64 {
        self.part.planned(self.plan)
    }

    /// Calls `each` with the selected events, thread after thread in the order of their ends.
    pub fn events(&mut self, mut each: impl FnMut(&Event<'_>)) -> Outcome {
        let Some(selection) = self.selection else { return self.all(each) };
        let mut left = Outcome::default();
        let mut outcome = self.all(|event| match selection.clip(event) {
            Some(shown) => {
                if shown.kind != event.kind {
                    left.thread(event.thread).end_later(event.kind, shown.kind);
                }
                each(&shown);
            }
            None => left.thread(event.thread).leave_out(event.kind),
        });
        outcome.append(left);
        outcome
    }

    fn all(&mut self, each: impl FnMut(&Event<'_>)) -> Outcome {
        self.decode(&mut self.clock.cursor(), each)
    }

    fn decode(&mut self, times: &mut impl Times, each: impl FnMut(&Event<'_>)) -> Outcome {
        match self.content {
            Ok(content) => {
                let run = self.part.first..self.part.end;
                content.decode(self.plan, times, run, &mut self.scratch.buffers, each)
            }
            Err(problem) => {
                let mut outcome = Outcome::default();
                if self.is_first() {
                    outcome.problems.add(problem.clone());
                }
                outcome
            }
        }
    }

    /// Calls `each` with the selected calls of the file that never ended, as events. They belong to no part, and are
    /// counted in the first one.
    pub fn unfinished(&self, outcome: &mut Outcome, mut each: impl FnMut(&Event<'_>, &Call)) {
        for call in self.count_unfinished(outcome) {
            let event = call.event(arguments(self.plan, &call));
            match self.selection.map_or(Some(event), |selection| selection.clip(&event)) {
                Some(event) => each(&event, &call),
                None => outcome.thread(call.thread).leave_out(call.kind),
            }
        }
    }

    fn count_unfinished(&self, outcome: &mut Outcome) -> Vec<Call> {
        if !self.is_first() {
            return Vec::new();
        }
        let calls: Vec<Call> = unfinished(self.plan, self.clock).collect();
        calls.iter().for_each(|call| count_unfinished(call, outcome));
        calls
    }

    /// What is missing of the threads that are in this part and in none before, if it is selected.
    pub fn missing(&self) -> impl Iterator<Item = Missing> {
        let windows = self.windows.map_or(&[][..], |file| file.of_part(self.part.number));
        windows.iter().filter(|window| window.is_first).filter_map(|window| self.missing_of(window.thread))
    }

    fn missing_of(&self, index: usize) -> Option<Missing> {
        let thread = self.plan.threads.get(index).filter(|thread| thread.is_incomplete())?;
        let since = self.clock.at(self.plan.begun(thread));
        let stretches = self.windows?.overwritten(index);
        let until = stretches.last().map_or(since, |stretch| stretch.end);
        let part_of = |time: Range<u64>| match self.selection {
            Some(selection) => selection.part_of(index, time),
            None => Some(time),
        };
        let time = part_of(since..until)?;
        let gap = longest(stretches.iter().map(|stretch| part_of(stretch.start..stretch.end)), time.start);
        let (overwritten, lost) = (thread.overwritten, if time.start == since { thread.lost } else { 0 });
        Some(Missing { thread: index, overwritten, lost, since: time.start, until: time.end, gap })
    }

    /// The threads of the part by index, and since when, in nanoseconds, the report has all of their events: 0 if always,
    /// the largest number if never.
    pub fn complete_since(&self) -> impl Iterator<Item = (usize, u64)> {
        let begin = self.selection.map_or(0, FileSelection::begin);
        let file =
            self.windows.into_iter().flat_map(|file| file.of_part(self.part.number).iter().map(move |w| (file, w)));
        file.map(move |(file, window)| {
            let is_lossy = self.plan.threads.get(window.thread).is_some_and(|thread| thread.lost > 0);
            let since = file.overwritten(window.thread).last().map_or(0, |stretch| stretch.end);
            let is_never = is_lossy || self.plan.bursts.are_there();
            (window.thread, if is_never { u64::MAX } else { since.max(begin) })
        })
    }

    /// Calls `each` with the stack events of the part, thread after thread in the order of time, unfinished calls
    /// included, and with the calls that are open on the thread, outermost first.
    pub fn stack_events(&mut self, mut each: impl FnMut(StackEvent<'_>, &[Call])) -> Outcome {
        let Some(file) = self.windows else { return Outcome::default() };
        let windows = file.of_part(self.part.number);
        let mut nester = std::mem::take(&mut self.scratch.nester);
        nester.begin(windows);
        let mut outcome = self.all(|event| nester.add(windows, event));
        self.count_unfinished(&mut outcome);
        let of_open = |call: &Call| arguments(self.plan, call);
        match self.selection {
            None => nester.emit(file, windows, of_open, each),
            Some(selection) => {
                let mut sieve = Sieve::new(selection);
                nester.emit(file, windows, of_open, |event, open| sieve.pass(event, open, &mut outcome, &mut each));
            }
        }
        self.scratch.nester = nester;
        outcome
    }

    /// Calls `each` as `stack_events` does, but with no more detail than this, and whatever is selected.
    pub fn detail(&mut self, detail: &Detail, each: impl FnMut(StackEvent<'_>, &[Call])) -> Outcome {
        let Some(file) = self.windows else { return Outcome::default() };
        let windows = file.of_part(self.part.number);
        let mut nester = std::mem::take(&mut self.scratch.nester);
        nester.begin_merging(windows, detail.shortest);
        let mut outcome = self.all(|event| nester.add(windows, event));
        self.count_unfinished(&mut outcome);
        nester.emit_detail(file, windows, detail, |call| arguments(self.plan, call), each);
        self.scratch.nester = nester;
        outcome
    }

    /// What the first reading keeps of the part.
    pub fn edges(&mut self) -> Edges {
        let mut edges = Edges::default();
        if self.plan.min_duration() > 0 {
            // Which calls count depends on how long they took.
            self.all(|event| edges.add(event));
        } else {
            // Ticks are enough to see what came first.
            self.decode(&mut Ticks, |event| edges.add(event));
            edges.convert_ticks(self.clock);
        }
        edges
    }
}
