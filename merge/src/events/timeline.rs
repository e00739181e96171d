//! Calls nested and in the order of time, out of records that stand in the order of their ends, part by part.
//!
//! A part alone does not tell which calls are open around it: their records come later. So all parts are read twice:
//!
//! ```text
//! first   edges: of each part and thread, the calls that may have begun before it  --windows--> what is open where
//! then    order: what is open at the part's begin + its records --> steps: begin, begin, end, ...
//! ```
//!
//! The time between a thread's last end in one part and that in the next is its *window* in the latter. A call is
//! recorded in the window of its end; if it began in an earlier one it is *long*. Only of long calls more than one part
//! needs to know, and those are few: at most the depth of the stack at each border between parts.

mod call;
mod edges;
mod open;
mod order;
mod windows;

#[cfg(test)]
mod tests;

use crate::align::Clock;
use crate::events::decode::Outcome;
use crate::input::ring::State;
use crate::plan::file::FilePlan;
pub use call::{Call, OVERWRITTEN, StackEvent};
pub use edges::Edges;
pub use open::OpenCalls;
pub use order::Nester;
use std::ops::Range;
use viztracer_format::record::Kind;
pub use windows::{FileWindows, WindowsBuilder};

/// The calls of a plan that had not ended, as long as they are known to have lasted.
pub fn unfinished<'a>(plan: &'a FilePlan, clock: &'a Clock) -> impl Iterator<Item = Call> + 'a {
    plan.frames.iter().filter_map(move |frame| {
        let thread = plan.thread(frame.thread)?;
        // To just after the last moment that the file knows of, so that they contain whatever began then.
        let (start, duration) = clock.span(frame.start, plan.last_moment.saturating_sub(frame.start));
        let is_unfinished = plan.state != State::Sealed;
        let (task, function, kind, end) = (frame.task, frame.function, Kind::Open, start.saturating_add(duration) + 1);
        let (is_clipped, is_inherited) = (frame.clipped, frame.inherited);
        Some(Call { thread, task, function, kind, is_unfinished, start, end, depth: 0, is_clipped, is_inherited })
    })
}

/// By the place of a thread, the time in which all that ended was overwritten.
pub fn overwritten<'a>(plan: &'a FilePlan, clock: &'a Clock) -> impl Iterator<Item = (usize, Range<u64>)> + 'a {
    let threads =
        plan.threads.iter().enumerate().filter(|(_, thread)| thread.overwritten > 0 && thread.overwritten_until > 0);
    threads.map(|(place, thread)| (place, clock.at(plan.begun(thread))..clock.at(thread.overwritten_until)))
}

/// Counts an unfinished call.
pub fn count_unfinished(call: &Call, outcome: &mut Outcome) {
    outcome.tasks.insert(call.task);
    let of = outcome.thread(call.thread);
    of.written += 1;
    of.unfinished += 1;
}
