//! An event as it waits to be nested.

use super::call::{Call, NO_FRAME};
use crate::events::decode::{Event, Payload};
use viztracer_format::record::Kind;

/// An event of the part. There are thousands of them, so what few of them have is stored elsewhere.
#[derive(Clone, Copy, Debug)]
pub struct CompactEvent {
    pub start: u64,
    pub end: u64,
    pub function: u32,
    pub task: u32,
    /// The index of its payload, or `NO_PAYLOAD`.
    pub payload: u32,
    pub kind: Kind,
    /// Whether an earlier merge has cut off a part of it.
    pub is_clipped: bool,
}

/// The event has none.
pub const NO_PAYLOAD: u32 = u32::MAX;

impl CompactEvent {
    pub fn of_call(call: &Call) -> CompactEvent {
        let Call { start, end, function, task, kind, is_clipped, .. } = *call;
        CompactEvent { start, end, function, task, payload: NO_PAYLOAD, kind, is_clipped }
    }

    #[inline]
    pub fn call(&self, thread: usize, start: u64, depth: u32) -> Call {
        let CompactEvent { end, function, task, kind, is_clipped, .. } = *self;
        let (is_unfinished, is_inherited, frame) = (false, false, NO_FRAME);
        Call { thread, task, function, kind, is_unfinished, start, end, depth, is_clipped, is_inherited, frame }
    }

    #[cold]
    pub fn instant<'a>(&self, thread: usize, start: u64, payload: Option<Payload<'a>>) -> Event<'a> {
        let CompactEvent { task, kind, function, .. } = *self;
        Event { thread, task, kind, function, start, duration: 0, clipped: false, payload }
    }

    /// How long it took.
    #[inline(always)]
    pub fn duration(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Whether it is a call that may be merged.
    #[inline(always)]
    pub fn is_short(&self, shortest: u64) -> bool {
        self.duration() < shortest && self.kind != Kind::Open
    }

    /// Whether a short call is near enough to this one, which is on the same track, to be merged with it.
    pub fn meets(&self, next: &CompactEvent, shortest: u64) -> bool {
        self.task == next.task && next.start.saturating_sub(self.end) < shortest
    }
}
