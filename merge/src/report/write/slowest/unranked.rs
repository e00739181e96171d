//! Calls that began in an earlier part than they ended in.

use crate::report::slowest::{By, Rank, SlowCall};
use std::cmp::Reverse;
use std::collections::HashMap;

/// A call of a file, in whichever part it is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallId {
    /// The index of its thread in the plan.
    pub thread: usize,
    /// How many calls are around it on its thread.
    pub depth: usize,
    /// When it began.
    pub start: u64,
}

/// Such calls of a file, and what calls have called in parts that do not have all of them.
#[derive(Debug, Default)]
pub struct UnrankedCalls {
    calls: Vec<(CallId, SlowCall)>,
    /// In nanoseconds.
    called: HashMap<CallId, u64>,
}

impl UnrankedCalls {
    /// Adds a call that has ended.
    pub fn push(&mut self, id: CallId, call: SlowCall) {
        self.calls.push((id, call));
    }

    /// Adds nanoseconds in what a call has called.
    pub fn add(&mut self, id: CallId, called: u64) {
        let sum = self.called.entry(id).or_default();
        *sum = sum.saturating_add(called);
    }

    /// Adds those of another part.
    pub fn append(&mut self, other: UnrankedCalls) {
        self.calls.extend(other.calls);
        other.called.into_iter().for_each(|(id, called)| self.add(id, called));
    }

    /// Ranks the calls, once those of all parts are here.
    pub fn ranked(self, by: By) -> impl Iterator<Item = SlowCall> {
        let UnrankedCalls { calls, called } = self;
        calls.into_iter().map(move |(id, slow)| {
            let duration = slow.call.end.saturating_sub(slow.call.start);
            let own = duration.saturating_sub(called.get(&id).copied().unwrap_or(0));
            let rank = Rank { time: Reverse(by.of(duration, own)), ..slow.rank };
            SlowCall { rank, own, ..slow }
        })
    }
}
