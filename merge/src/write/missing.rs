//! What the track of a thread tells of events that are not on it.

use crate::display::grouped;
use std::ops::Range;

/// Levels of calls that Perfetto draws; deeper ones it would put beside the outermost. What tells of missing events
/// must be seen there, too.
pub const LEVELS: u32 = 512;
/// Of what tells it: that is no call of the program.
pub const CATEGORY: &str = "LOSS";

/// What a thread recorded and the report does not show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The thread's place in the plan.
    pub thread: usize,
    /// Older events that the ring went over.
    pub overwritten: u64,
    /// Events that found no room.
    pub lost: u64,
    /// When its first event was recorded.
    pub since: u64,
    /// The longest stretch of the overwritten time in which no call that is shown begins or ends.
    pub gap: Range<u64>,
}

/// The name of the slice in the gap.
pub fn overwritten(events: u64) -> String {
    format!("{} events overwritten", grouped(events))
}

/// The name of the mark at the begin.
pub fn lost(events: u64) -> String {
    format!("{} events found no room", grouped(events))
}
