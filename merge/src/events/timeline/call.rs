//! Calls on the time line, and their begins and ends as stack events.

use crate::events::decode::{Event, Payload};
use std::ops::Range;
use viztracer_format::record::Kind;

/// The function id of what stands for overwritten calls.
pub const OVERWRITTEN: u32 = u32::MAX;

/// An event on the track of a thread or task. At equal times ends come before begins, and callers before callees.
#[derive(Clone, Copy, Debug)]
pub enum StackEvent<'a> {
    /// A call begins.
    Begin(&'a Call),
    /// The innermost open call of the thread ends, with the payload of its record.
    End(&'a Call, Option<&'a Payload<'a>>),
    /// An instant or a counter.
    Instant(&'a Event<'a>),
}

impl StackEvent<'_> {
    /// Whether this belongs to what stands for overwritten calls.
    pub fn is_overwritten(&self) -> bool {
        matches!(self, StackEvent::Begin(call) | StackEvent::End(call, _) if call.is_overwritten())
    }
}

/// A call on the time line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// The index of its thread in the file's plan.
    pub thread: usize,
    /// The serial of the task that made the call, 0 if none did. Calls of a task have a track of their own.
    pub task: u32,
    /// The function's id.
    pub function: u32,
    /// How the call ended.
    pub kind: Kind,
    /// Whether the call was open when the process died, or is open in a living one.
    pub is_unfinished: bool,
    /// When the call began, in nanoseconds since the report's base.
    pub start: u64,
    /// When the call ended, in nanoseconds since the report's base.
    pub end: u64,
    /// How many calls are around it on its track.
    pub depth: u32,
    /// Whether a part of it lies outside of the selected time.
    pub is_clipped: bool,
    /// Whether it began in the parent process.
    pub is_inherited: bool,
    /// The index of its frame in the file's plan if it has no end, else [`NO_FRAME`].
    pub frame: u32,
}

/// The frame of a call that ended.
pub const NO_FRAME: u32 = u32::MAX;

impl Call {
    /// What stands for the calls of a thread that were overwritten in this time, in nanoseconds.
    pub fn overwritten(thread: usize, task: u32, time: Range<u64>, depth: u32) -> Call {
        let Range { start, end } = time;
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
            frame: NO_FRAME,
        }
    }

    /// Whether this stands for overwritten calls.
    pub fn is_overwritten(&self) -> bool {
        self.function == OVERWRITTEN
    }

    /// The call that a decoded event is.
    pub fn of(event: &Event<'_>) -> Call {
        let Event { thread, task, function, kind, start, duration, clipped: is_clipped, .. } = *event;
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
            frame: NO_FRAME,
        }
    }

    /// The call as an event with this payload.
    pub fn event<'a>(&self, payload: Option<Payload<'a>>) -> Event<'a> {
        let Call { thread, task, function, kind, start, is_clipped: clipped, .. } = *self;
        let duration = self.end.saturating_sub(start);
        Event { thread, task, kind, function, start, duration, clipped, payload }
    }
}
