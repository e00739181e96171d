//! Counts the calls in stack events.

use super::tally::Tally;
use crate::events::decode::{EventMembers, Payload};
use crate::events::timeline::{Call, OpenCalls, StackEvent};
use viztracer_format::record::Kind;

/// Counts the calls of a part, by function.
#[derive(Debug)]
pub struct CallCounter<'a> {
    open: OpenCalls<OpenFunction>,
    tallies: Tallies<'a>,
}

/// The function of an open call.
#[derive(Clone, Copy, Debug)]
struct OpenFunction {
    /// The index of the function in the tallies.
    index: u32,
    /// Whether no call of the same function is around it.
    is_outermost: bool,
    /// Whether it waits, or a call around it.
    is_waiting: bool,
    /// The time of the calls that wait inside of it, if it does not wait itself and they have ended.
    waited: u64,
}

#[derive(Debug)]
struct Tallies<'a> {
    /// Whether a function waits, by its number.
    waits: &'a [bool],
    /// The index in `list` by the function's number, or `NONE`.
    indexes: Vec<u32>,
    list: Vec<FunctionTally>,
}

#[derive(Debug)]
struct FunctionTally {
    function: u32,
    /// How many calls were around its outermost call when that began. The call may have ended since.
    outermost: usize,
    tally: Tally,
}

const NONE: u32 = u32::MAX;

impl CallCounter<'_> {
    /// Makes a counter for a part of a file. `waits` has the functions of the file by number, and whether each waits.
    pub fn new(waits: &[bool]) -> CallCounter<'_> {
        CallCounter {
            open: OpenCalls::default(),
            tallies: Tallies { waits, indexes: vec![NONE; waits.len()], list: Vec::new() },
        }
    }

    /// Counts the next stack event; `number` returns a function's number by its id.
    #[inline]
    pub fn take(&mut self, event: StackEvent<'_>, open: &[Call], number: impl Fn(u32) -> u32) {
        match event {
            StackEvent::Begin(call) => {
                self.go_to(call.thread);
                self.open.begin(call, open, |call, around| self.tallies.enter(number(call.function), around));
            }
            StackEvent::End(call, payload) => {
                self.go_to(call.thread);
                let kind = match payload {
                    Some(Payload::Members(members)) => EventMembers::ending(members).unwrap_or(call.kind),
                    _ => call.kind,
                };
                let enter = |call: &Call, around: &[OpenFunction]| self.tallies.enter(number(call.function), around);
                let Some(ended) = self.open.end(call, open, enter) else { return };
                let duration = call.end.saturating_sub(call.start);
                self.tallies.call(ended, duration, kind, self.open.innermost_mut());
            }
            StackEvent::Instant(_) => {}
        }
    }

    /// Goes on with the calls of this thread.
    #[inline(always)]
    fn go_to(&mut self, thread: usize) {
        if !self.open.is_of(thread) {
            self.leave();
        }
    }

    /// Leaves the open calls of the thread. A later part has their ends, but not what has waited inside of them so far.
    #[cold]
    fn leave(&mut self) {
        let mut waited: u64 = 0;
        for open in self.open.drain().rev() {
            waited = open.waited.saturating_add(waited);
            self.tallies.list[open.index as usize].tally.waited_inside(waited, open.is_outermost);
        }
    }

    /// The tallies of all functions that were called, by number.
    pub fn tallies(&mut self) -> impl Iterator<Item = (u32, &Tally)> {
        self.leave();
        self.tallies.list.iter().map(|entry| (entry.function, &entry.tally))
    }
}

impl Tallies<'_> {
    /// Counts a call that has ended, also for the call around it.
    #[inline]
    fn call(&mut self, ended: OpenFunction, duration: u64, kind: Kind, caller: Option<&mut OpenFunction>) {
        let tally = &mut self.list[ended.index as usize].tally;
        tally.call(duration, kind, ended.is_outermost);
        let waited = if ended.is_waiting { duration } else { ended.waited };
        match ended.is_waiting {
            true => tally.waited(duration, ended.is_outermost),
            false => tally.waited_inside(waited, ended.is_outermost),
        }
        let Some(caller) = caller else { return };
        let tally = &mut self.list[caller.index as usize].tally;
        tally.called(duration);
        if caller.is_waiting {
            tally.waiting.own -= i128::from(duration);
        } else {
            caller.waited = caller.waited.saturating_add(waited);
        }
    }

    #[inline]
    fn enter(&mut self, function: u32, around: &[OpenFunction]) -> OpenFunction {
        let index = self.index_of(function);
        let entry = &mut self.list[index as usize];
        let is_outermost = around.get(entry.outermost).is_none_or(|open| open.index != index);
        if is_outermost {
            entry.outermost = around.len();
        }
        let waits = self.waits.get(function as usize).copied().unwrap_or_default();
        let is_waiting = waits || around.last().is_some_and(|caller| caller.is_waiting);
        OpenFunction { index, is_outermost, is_waiting, waited: 0 }
    }

    fn index_of(&mut self, function: u32) -> u32 {
        let number = function as usize;
        if number >= self.indexes.len() {
            self.indexes.resize(number + 1, NONE);
        }
        if self.indexes[number] == NONE {
            self.indexes[number] = self.list.len() as u32;
            self.list.push(FunctionTally { function, outermost: usize::MAX, tally: Tally::default() });
        }
        self.indexes[number]
    }
}
