//! From steps to tallies.

use super::tally::Tally;
use crate::events::decode::{EventMembers, Payload};
use crate::events::timeline::{Call, OpenCalls, StackEvent};

/// Follows the steps of a part.
#[derive(Debug)]
pub struct CallCounter {
    open: OpenCalls<OpenFunction>,
    tallies: Tallies,
}

/// What is kept of an open call.
#[derive(Clone, Copy, Debug)]
struct OpenFunction {
    /// Its function, by place in the tallies.
    place: u32,
    /// Whether no call of the same function is around it.
    is_outermost: bool,
}

#[derive(Debug)]
struct Tallies {
    /// By the function's number, its place in `list`, or `NONE`.
    places: Vec<u32>,
    list: Vec<FunctionTally>,
}

#[derive(Debug)]
struct FunctionTally {
    function: u32,
    /// How many calls are around its outermost open one, if it has any: only a look at the stack tells.
    outermost: usize,
    tally: Tally,
}

const NONE: u32 = u32::MAX;

impl CallCounter {
    /// For a part of a file with so many functions.
    pub fn new(functions: usize) -> CallCounter {
        CallCounter { open: OpenCalls::default(), tallies: Tallies { places: vec![NONE; functions], list: Vec::new() } }
    }

    /// Takes the next step; `number` gives a function's number by its id.
    #[inline]
    pub fn take(&mut self, step: StackEvent<'_>, open: &[Call], number: impl Fn(u32) -> u32) {
        let tallies = &mut self.tallies;
        let enter = |call: &Call, around: &[OpenFunction]| tallies.enter(number(call.function), around);
        match step {
            StackEvent::Begin(call) => self.open.begin(call, open, enter),
            StackEvent::End(call, payload) => {
                let kind = match payload {
                    Some(Payload::Members(members)) => EventMembers::ending(members).unwrap_or(call.kind),
                    _ => call.kind,
                };
                let Some(OpenFunction { place, is_outermost }) = self.open.end(call, open, enter) else { return };
                let duration = call.end.saturating_sub(call.start);
                tallies.list[place as usize].tally.call(duration, kind, is_outermost);
                if let Some(caller) = self.open.innermost() {
                    tallies.list[caller.place as usize].tally.called(duration);
                }
            }
            StackEvent::Instant(_) => {}
        }
    }

    /// The tallies of all functions that were met, by number.
    pub fn tallies(&self) -> impl Iterator<Item = (u32, &Tally)> {
        self.tallies.list.iter().map(|entry| (entry.function, &entry.tally))
    }
}

impl Tallies {
    #[inline]
    fn enter(&mut self, function: u32, around: &[OpenFunction]) -> OpenFunction {
        let place = self.place(function);
        let entry = &mut self.list[place as usize];
        let is_outermost = around.get(entry.outermost).is_none_or(|open| open.place != place);
        if is_outermost {
            entry.outermost = around.len();
        }
        OpenFunction { place, is_outermost }
    }

    fn place(&mut self, function: u32) -> u32 {
        let index = function as usize;
        if index >= self.places.len() {
            self.places.resize(index + 1, NONE);
        }
        if self.places[index] == NONE {
            self.places[index] = self.list.len() as u32;
            self.list.push(FunctionTally { function, outermost: usize::MAX, tally: Tally::default() });
        }
        self.places[index]
    }
}
