//! The slowest calls: an order of calls that depends on the files alone, and the first ones of it.

use crate::events::timeline::Call;
use serde_json::{Map, Value};
use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeSet, BinaryHeap};

/// The time by which calls are ordered, longest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum By {
    /// Time with called functions
    #[default]
    Duration,
    /// Time without called functions
    #[value(name = "self")]
    Own,
}

/// A call, and what its record does not tell by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlowCall {
    /// Its place in the order.
    pub rank: Rank,
    /// The call. Its kind is how it ended.
    pub call: Call,
    /// The interned number of its function.
    pub function: u32,
    /// Nanoseconds in it without what it called.
    pub own: u64,
    /// Its arguments, empty if none are recorded.
    pub arguments: Map<String, Value>,
}

/// The place of a call in the order. Of calls that took as long, the earliest comes first; of calls that also began
/// together, the outer one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    /// The time that counts, in nanoseconds.
    pub time: Reverse<u64>,
    /// When the call began, in nanoseconds since the report's base.
    pub start: u64,
    /// The index of its file.
    pub file: usize,
    /// The index of its thread in the file's plan.
    pub thread: usize,
    /// How many calls are around it on its thread.
    pub depth: usize,
    /// The part of the file in which it ended.
    pub part: usize,
    /// How many calls of the part ended before it.
    pub index: u64,
}

/// The first calls in the order, at most so many as are wanted.
#[derive(Debug)]
pub struct Ranking {
    most: usize,
    /// The last one in the order is on top.
    calls: BinaryHeap<SlowCall>,
}

/// All calls that match, whether they are among the first or not.
#[derive(Debug, Default)]
pub struct Matched {
    /// How many there are.
    pub calls: u64,
    /// Those that never ended.
    pub unfinished: u64,
    /// The interned numbers of their functions.
    pub functions: BTreeSet<u32>,
}

impl By {
    /// The time that counts, of these two.
    pub fn of(self, duration: u64, own: u64) -> u64 {
        match self {
            By::Duration => duration,
            By::Own => own,
        }
    }
}

impl Ord for SlowCall {
    fn cmp(&self, other: &SlowCall) -> Ordering {
        self.rank.cmp(&other.rank)
    }
}

impl PartialOrd for SlowCall {
    fn partial_cmp(&self, other: &SlowCall) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ranking {
    /// Without calls yet.
    pub fn new(most: usize) -> Ranking {
        Ranking { most, calls: BinaryHeap::new() }
    }

    /// Adds a call if it is one of the first. Only then `make` is called.
    #[inline]
    pub fn offer(&mut self, rank: Rank, make: impl FnOnce() -> SlowCall) {
        if self.calls.len() < self.most {
            self.calls.push(make());
        } else if let Some(mut last) = self.calls.peek_mut().filter(|last| rank < last.rank) {
            *last = make();
        }
    }

    /// Adds those of another ranking that are among the first.
    pub fn append(&mut self, other: Ranking) {
        for call in other.calls {
            self.offer(call.rank, || call);
        }
    }

    /// The calls in order.
    pub fn take(&mut self) -> Vec<SlowCall> {
        std::mem::take(&mut self.calls).into_sorted_vec()
    }
}

impl Matched {
    /// Adds those of another part.
    pub fn append(&mut self, other: Matched) {
        self.calls += other.calls;
        self.unfinished += other.unfinished;
        self.functions.extend(other.functions);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn call(rank: Rank) -> SlowCall {
        let call = Call::overwritten(rank.thread, 0, rank.start..rank.start, 0);
        SlowCall { rank, call, function: 0, own: 0, arguments: Map::new() }
    }

    fn rank() -> impl Strategy<Value = Rank> {
        (0..4_u64, 0..3_u64, 0..2_usize, 0..2_usize, 0..2_usize, 0..2_usize, 0..3_u64).prop_map(
            |(time, start, file, thread, depth, part, index)| {
                let time = Reverse(time);
                Rank { time, start, file, thread, depth, part, index }
            },
        )
    }

    proptest! {
        #[test]
        fn the_first_calls_do_not_depend_on_the_order_in_which_they_come(
            parts in prop::collection::vec(prop::collection::vec(rank(), 0..20), 0..6), most in 0..12_usize,
        ) {
            let mut all = Ranking::new(most);
            for part in parts.iter().rev() {
                let mut ranking = Ranking::new(most);
                part.iter().for_each(|rank| ranking.offer(*rank, || call(*rank)));
                all.append(ranking);
            }
            let mut expected: Vec<Rank> = parts.concat();
            expected.sort();
            expected.truncate(most);
            let found: Vec<Rank> = all.take().iter().map(|call| call.rank).collect();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn the_longest_come_first_then_the_earliest_then_the_outermost() {
        let first = Rank { time: Reverse(9), start: 5, file: 1, thread: 1, depth: 1, part: 1, index: 1 };
        let later = [
            Rank { depth: 2, part: 0, index: 0, ..first },
            Rank { start: 6, file: 0, ..first },
            Rank { time: Reverse(8), start: 0, ..first },
        ];
        assert!(first < later[0] && later.is_sorted());
    }
}
