//! Stack events, nested and in the order of time, made part by part from records that stand in the order of their ends.
//!
//! A part alone does not show which calls are open around it: their records come later. So all parts are read twice:
//!
//! ```text
//! first     edges    of each part and thread: the calls that may have begun before the part
//!           windows  from the edges of all parts: the calls that are open when each part begins
//! second    nester   from these calls and the records of the part: stack events
//! ```
//!
//! A part of a large trace is shown with less [`Detail`]: calls that are too short to be seen are merged.

mod call;
mod compact;
mod detail;
mod edges;
mod nester;
mod open;
mod short;
mod windows;

#[cfg(test)]
mod tests;

use crate::align::Clock;
use crate::events::decode::{Outcome, Payload};
use crate::input::ring::State;
use crate::plan::file::FilePlan;
#[cfg(test)]
pub use call::NO_FRAME;
pub use call::{Call, OVERWRITTEN, StackEvent};
pub use detail::Detail;
pub use edges::Edges;
pub use nester::Nester;
pub use open::OpenCalls;
use std::ops::Range;
use viztracer_format::arguments::StackedArguments;
use viztracer_format::record::Kind;
pub use windows::{FileWindows, WindowsBuilder};

/// The calls of a plan that have no end. Each one reaches to the last event that its file knows of, or to the instant
/// that is shown if the process ran then.
pub fn unfinished<'a>(plan: &'a FilePlan, clock: &'a Clock) -> impl Iterator<Item = Call> + 'a {
    plan.frames.iter().zip(0..).filter_map(move |(frame, index)| {
        let thread = plan.thread(frame.thread)?;
        // To just after the last event, so that they contain a call that began then.
        let (start, duration) = clock.span(frame.start, plan.last_moment.saturating_sub(frame.start));
        let is_unfinished = plan.state != State::Sealed;
        let (task, function, kind) = (frame.task, frame.function, Kind::Open);
        let end = start.saturating_add(duration).saturating_add(1).max(plan.running_until);
        let (is_clipped, is_inherited) = (frame.clipped, frame.inherited);
        let call = Call {
            thread,
            task,
            function,
            kind,
            is_unfinished,
            start,
            end,
            depth: 0,
            is_clipped,
            is_inherited,
            frame: index,
        };
        Some(call)
    })
}

/// The arguments of a call without an end.
pub fn arguments<'a>(plan: &'a FilePlan, call: &Call) -> Option<Payload<'a>> {
    let frame = plan.frames.get(call.frame as usize)?;
    Some(match plan.arguments.get(frame)? {
        StackedArguments::Json(json) => Payload::Bytes(json),
        StackedArguments::Lost => Payload::Overwritten,
    })
}

/// The time in which all calls that ended were overwritten, by the index of the thread.
pub fn overwritten<'a>(plan: &'a FilePlan, clock: &'a Clock) -> impl Iterator<Item = (usize, Range<u64>)> + 'a {
    let threads =
        plan.threads.iter().enumerate().filter(|(_, thread)| thread.overwritten > 0 && thread.overwritten_until > 0);
    threads.map(|(index, thread)| (index, clock.at(plan.begun(thread))..clock.at(thread.overwritten_until)))
}

/// Counts an unfinished call.
pub fn count_unfinished(call: &Call, outcome: &mut Outcome) {
    outcome.tasks.insert(call.task);
    let of = outcome.thread(call.thread);
    of.read += 1;
    of.unfinished += 1;
}
