//! Events of a thread that are missing on its track.

use crate::text::display::grouped;
use std::ops::Range;

/// Levels of calls that Perfetto draws; deeper ones it would put beside the outermost. The mark of missing events
/// must be seen there, too.
pub const LEVELS: u32 = 512;
/// The category of the marks of missing events, which are no calls of the program.
pub const CATEGORY: &str = "LOSS";

/// What a thread recorded and the report does not show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The index of the thread in the plan.
    pub thread: usize,
    /// Older events that were overwritten.
    pub overwritten: u64,
    /// Events that were lost, because the file had no space for them.
    pub lost: u64,
    /// When its first event was recorded.
    pub since: u64,
    /// When all that was overwritten had ended.
    pub until: u64,
    /// The longest stretch of the time between them in which no call that is shown begins or ends.
    pub gap: Range<u64>,
}

impl Missing {
    /// The time in which events were overwritten.
    pub fn overwritten_time(&self) -> Option<Range<u64>> {
        (self.overwritten > 0).then_some(self.since..self.until)
    }
}

/// The longest of these stretches that has a level to be drawn on; nothing at `since` if there is none.
pub fn longest(stretches: impl Iterator<Item = Option<Range<u64>>>, since: u64) -> Range<u64> {
    let drawn = stretches.take(LEVELS as usize).flatten();
    let longer = |a: Range<u64>, b: Range<u64>| if b.end - b.start > a.end - a.start { b } else { a };
    drawn.fold(since..since, longer)
}

/// The name of the slice in the gap.
pub fn overwritten(events: u64) -> String {
    format!("{} events overwritten", grouped(events))
}

/// The name of the mark at the begin.
pub fn lost(events: u64) -> String {
    format!("{} events found no room", grouped(events))
}
