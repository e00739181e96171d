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

mod edges;
mod open;
mod order;
mod windows;

#[cfg(test)]
mod tests;

use crate::align::Clock;
use crate::events::decode::{Moment, Outcome, Payload};
use crate::plan::file::FilePlan;
pub use edges::Edges;
pub use open::OpenCalls;
pub use order::Steps;
use std::ops::Range;
use viztracer_format::record::Kind;
pub use windows::{FileWindows, Stretch, WindowsBuilder};

/// In the place of a function's id: of calls that are not known, since they were overwritten.
pub const OVERWRITTEN: u32 = u32::MAX;

/// What happens on the track of a thread or task. At equal times ends come before begins, callers before callees.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// A call begins.
    Begin(&'a Call),
    /// The innermost open call of the thread ends; what its record carries is told now, since it stands at the end.
    End(&'a Call, Option<&'a Payload<'a>>),
    /// An instant or a counter.
    Moment(&'a Moment<'a>),
}

impl Step<'_> {
    /// Whether it is of what stands for overwritten calls, and of no call.
    pub fn is_overwritten(&self) -> bool {
        matches!(self, Step::Begin(call) | Step::End(call, _) if call.is_overwritten())
    }
}

/// A call on the time line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// The place of its thread in the file's plan.
    pub thread: usize,
    /// The serial of the task that made it, 0 if none did. Calls of a task have a track of their own.
    pub task: u32,
    /// The function's id.
    pub function: u32,
    /// How it ended.
    pub kind: Kind,
    /// Whether the process died, or lives, in it.
    pub is_unfinished: bool,
    /// Nanoseconds since the report's base.
    pub start: u64,
    /// The same, at its end.
    pub end: u64,
    /// Calls around it on its track.
    pub depth: u32,
    /// Whether a part of it lies outside of the time that is asked for.
    pub is_clipped: bool,
    /// Whether it began in the parent process.
    pub is_inherited: bool,
}

impl Call {
    /// Stands for the calls of a thread that were overwritten.
    fn overwritten(thread: usize, stretch: &Stretch, depth: u32) -> Call {
        let Stretch { start, end, task } = *stretch;
        Call {
            thread,
            task,
            function: OVERWRITTEN,
            kind: Kind::Return,
            is_unfinished: false,
            start,
            end,
            depth,
            is_clipped: false,
            is_inherited: false,
        }
    }

    /// Whether it stands for overwritten calls, and is none itself.
    pub fn is_overwritten(&self) -> bool {
        self.function == OVERWRITTEN
    }

    fn of(moment: &Moment<'_>) -> Call {
        let Moment { thread, task, function, kind, start, duration, clipped: is_clipped, .. } = *moment;
        Call {
            thread,
            task,
            function,
            kind,
            is_unfinished: false,
            start,
            end: start.saturating_add(duration),
            depth: 0,
            is_clipped,
            is_inherited: false,
        }
    }

    /// The call as a moment that carries this.
    pub fn moment<'a>(&self, payload: Option<Payload<'a>>) -> Moment<'a> {
        let Call { thread, task, function, kind, start, is_clipped: clipped, .. } = *self;
        let duration = self.end.saturating_sub(start);
        Moment { thread, task, kind, function, start, duration, clipped, payload }
    }
}

/// The calls of a plan that had not ended, as long as they are known to have lasted.
pub fn unfinished<'a>(plan: &'a FilePlan, clock: &'a Clock) -> impl Iterator<Item = Call> + 'a {
    plan.frames.iter().filter_map(move |frame| {
        let thread = plan.thread(frame.thread)?;
        // To just after the last moment that the file knows of, so that they contain whatever began then.
        let (start, duration) = clock.span(frame.start, plan.last_moment.saturating_sub(frame.start));
        let is_unfinished = plan.state != crate::input::ring::State::Sealed;
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
