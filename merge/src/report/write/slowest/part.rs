//! The calls of one part.

use super::functions::FileFunctions;
use super::unranked::{CallId, UnrankedCalls};
use crate::events::decode::{EventMembers, Payload};
use crate::events::timeline::{Call, OpenCalls, StackEvent};
use crate::report::slowest::{By, Matched, Rank, Ranking, SlowCall};
use crate::report::write::part::Part;
use std::cmp::Reverse;
use viztracer_format::record::Kind;

/// Collects the calls of a part.
#[derive(Debug)]
pub struct PartCalls<'a> {
    part: &'a Part,
    functions: &'a FileFunctions,
    by: By,
    open: OpenCalls<OpenCall>,
    unranked: UnrankedCalls,
    slowest: Ranking,
    /// Calls that match.
    calls: u64,
    unfinished: u64,
    /// Whether a call of each function of the file matches.
    seen: Vec<bool>,
}

#[derive(Clone, Copy, Debug)]
struct OpenCall {
    id: CallId,
    /// Nanoseconds in the calls that it made in this part.
    called: u64,
    /// Whether it began in this part.
    is_whole: bool,
}

impl<'a> PartCalls<'a> {
    /// Of this part; so many of them are wanted.
    pub fn new(part: &'a Part, functions: &'a FileFunctions, most: usize, by: By) -> PartCalls<'a> {
        let seen = vec![false; functions.len()];
        let (open, unranked) = (OpenCalls::default(), UnrankedCalls::default());
        let slowest = Ranking::new(most);
        PartCalls { part, functions, by, open, unranked, slowest, calls: 0, unfinished: 0, seen }
    }

    /// Takes the next stack event.
    #[inline]
    pub fn take(&mut self, event: StackEvent<'_>, open: &[Call]) {
        match event {
            StackEvent::Begin(call) => {
                self.go_to(call.thread);
                let begun = open.len();
                self.open.begin(call, open, |call, around| OpenCall::new(call, around, around.len() + 1 == begun));
            }
            StackEvent::End(call, payload) => {
                self.go_to(call.thread);
                let earlier = |call: &Call, around: &[OpenCall]| OpenCall::new(call, around, false);
                let Some(ended) = self.open.end(call, open, earlier) else { return };
                let duration = call.end.saturating_sub(call.start);
                if let Some(caller) = self.open.innermost_mut() {
                    caller.called = caller.called.saturating_add(duration);
                }
                match self.functions.matching(call.function) {
                    Some(function) if !call.is_overwritten() => self.end(call, payload, ended, function),
                    _ => {}
                }
            }
            StackEvent::Instant(_) => {}
        }
    }

    /// What was collected: calls that cannot be ranked yet, the slowest others, and counts of all that match.
    pub fn finish(mut self) -> (UnrankedCalls, Ranking, Matched) {
        self.leave_thread();
        let seen = self.seen.iter().enumerate().filter(|(_, seen)| **seen);
        let functions = seen.map(|(index, _)| self.functions.number(index)).collect();
        (self.unranked, self.slowest, Matched { calls: self.calls, unfinished: self.unfinished, functions })
    }

    #[inline]
    fn end(&mut self, call: &Call, payload: Option<&Payload<'_>>, ended: OpenCall, function: usize) {
        let kind = match payload {
            Some(Payload::Members(members)) => EventMembers::ending(members).unwrap_or(call.kind),
            _ => call.kind,
        };
        let index = self.calls;
        self.calls += 1;
        self.unfinished += u64::from(kind == Kind::Open);
        self.seen[function] = true;
        let duration = call.end.saturating_sub(call.start);
        let own = duration.saturating_sub(ended.called);
        let rank = Rank {
            time: Reverse(self.by.of(duration, own)),
            start: call.start,
            file: self.part.file,
            thread: call.thread,
            depth: ended.id.depth,
            part: self.part.number,
            index,
        };
        let function = self.functions.number(function);
        let make = || SlowCall {
            rank,
            call: Call { kind, ..*call },
            function,
            own,
            arguments: payload.map(Payload::arguments).unwrap_or_default(),
        };
        if ended.is_whole {
            self.slowest.offer(rank, make);
        } else {
            self.unranked.push(ended.id, make());
            self.unranked.add(ended.id, ended.called);
        }
    }

    /// Goes to the thread of the next stack event.
    #[inline]
    fn go_to(&mut self, thread: usize) {
        if !self.open.is_of(thread) {
            self.leave_thread();
        }
    }

    /// Keeps what the calls have called that are still open where the part ends.
    #[cold]
    fn leave_thread(&mut self) {
        for open in self.open.drain() {
            self.unranked.add(open.id, open.called);
        }
    }
}

impl OpenCall {
    fn new(call: &Call, around: &[OpenCall], is_whole: bool) -> OpenCall {
        let id = CallId { thread: call.thread, depth: around.len(), start: call.start };
        OpenCall { id, called: 0, is_whole }
    }
}
