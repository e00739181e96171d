//! Counts the calls in stack events.

use super::tally::Tally;
use crate::events::decode::{EventMembers, Payload};
use crate::events::timeline::{Call, OpenCalls, StackEvent};

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
        let tallies = &mut self.tallies;
        let enter = |call: &Call, around: &[OpenFunction]| tallies.enter(number(call.function), around);
        match event {
            StackEvent::Begin(call) => self.open.begin(call, open, enter),
            StackEvent::End(call, payload) => {
                let kind = match payload {
                    Some(Payload::Members(members)) => EventMembers::ending(members).unwrap_or(call.kind),
                    _ => call.kind,
                };
                let Some(ended) = self.open.end(call, open, enter) else { return };
                let duration = call.end.saturating_sub(call.start);
                tallies.list[ended.index as usize].tally.call(duration, kind, ended.is_outermost);
                if let Some(caller) = self.open.innermost() {
                    tallies.list[caller.index as usize].tally.called(duration);
                }
                if ended.is_waiting {
                    tallies.waited(ended, duration, self.open.values());
                }
            }
            StackEvent::Instant(_) => {}
        }
    }

    /// The tallies of all functions that were called, by number.
    pub fn tallies(&self) -> impl Iterator<Item = (u32, &Tally)> {
        self.tallies.list.iter().map(|entry| (entry.function, &entry.tally))
    }
}

impl Tallies<'_> {
    /// Counts a call that waits, for itself and for the calls around it.
    fn waited(&mut self, ended: OpenFunction, duration: u64, around: &[OpenFunction]) {
        self.list[ended.index as usize].tally.waited(duration, ended.is_outermost);
        match around.last() {
            // The calls around a call that waits have waited, too, once for all that it calls.
            Some(caller) if caller.is_waiting => {
                self.list[caller.index as usize].tally.waiting.own -= i128::from(duration);
            }
            _ => {
                for open in around.iter().filter(|open| open.is_outermost) {
                    self.list[open.index as usize].tally.waiting.total += u128::from(duration);
                }
            }
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
        OpenFunction { index, is_outermost, is_waiting }
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
