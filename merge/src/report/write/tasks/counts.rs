//! What is counted of tasks and coroutines.

use crate::events::lives::{Life, LifeEnd, Single};
use crate::report::functions::Tally;
use std::collections::HashMap;
use viztracer_format::record::Kind;

/// The counts of all files.
#[derive(Debug, Default)]
pub struct Counts {
    /// By the interned number of the function, also of those that are no coroutines.
    functions: HashMap<u32, CoroutineCounts>,
    /// How many tasks there are.
    pub tasks: u64,
    /// How many of them were there when the recording ended.
    pub unfinished_tasks: u64,
    /// Nanoseconds in which tasks awaited, and in which they ran.
    pub awaiting: u64,
    pub running: u64,
    /// Processes with tasks whose recordings lack short calls, so that pieces cannot be linked.
    pub without_short_calls: u64,
    /// Processes with tasks whose recordings do not tell an await from a return.
    pub without_awaits: u64,
}

/// The counts of the coroutines of a function. Times are in nanoseconds.
#[derive(Clone, Debug, Default)]
pub struct CoroutineCounts {
    /// How many calls there were.
    pub calls: u64,
    /// Calls that awaited.
    pub awaited: u64,
    /// How many times calls went on after they were suspended.
    pub resumes: u64,
    /// Calls that were there when the recording ended.
    pub unfinished: u64,
    /// Calls of which the begin or the end is unknown.
    pub unknown: u64,
    /// Time in which calls awaited, and in which they ran.
    pub awaiting: u64,
    pub running: u64,
    /// Calls of which the whole time is known.
    pub whole: Tally,
}

impl Counts {
    /// Adds a file with tasks.
    pub fn file(&mut self, has_short_calls: bool, tells_awaits: bool) {
        self.without_short_calls += u64::from(!has_short_calls);
        self.without_awaits += u64::from(has_short_calls && !tells_awaits);
    }

    /// Adds a life. `number` returns the number of a function by its id.
    pub fn life(&mut self, life: &Life, number: impl Fn(u32) -> u32) {
        let Some(function) = life.function else {
            self.tasks += 1;
            self.awaiting = self.awaiting.saturating_add(life.awaiting());
            self.running = self.running.saturating_add(life.running);
            self.unfinished_tasks += u64::from(life.how == LifeEnd::Unfinished);
            return;
        };
        let counts = self.functions.entry(number(function)).or_default();
        counts.calls += 1;
        counts.awaited += 1;
        counts.resumes += life.resumes;
        counts.awaiting = counts.awaiting.saturating_add(life.awaiting());
        counts.running = counts.running.saturating_add(life.running);
        if life.is_whole() {
            let kind = if life.how == LifeEnd::Raised { Kind::Raise } else { Kind::Return };
            counts.whole.call(life.latency(), kind, true);
        } else if life.is_begin_known && life.how == LifeEnd::Unfinished {
            counts.unfinished += 1;
        } else {
            counts.unknown += 1;
        }
    }

    /// Adds a call in one piece of the function with this number.
    pub fn single(&mut self, single: &Single, number: u32) {
        let counts = self.functions.entry(number).or_default();
        counts.calls += 1;
        counts.running = counts.running.saturating_add(single.duration);
        match single.kind {
            Kind::Return | Kind::Raise => counts.whole.call(single.duration, single.kind, true),
            Kind::Open => counts.unfinished += 1,
            _ => counts.unknown += 1,
        }
    }

    /// The functions that are coroutines, by number.
    pub fn coroutines(&self) -> impl Iterator<Item = (u32, &CoroutineCounts)> {
        self.functions.iter().filter(|(_, counts)| counts.awaited > 0).map(|(number, counts)| (*number, counts))
    }
}
