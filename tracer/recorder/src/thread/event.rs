//! An event that a program logs.

use viztracer_format::record::Kind;

/// An event that is no call of a function.
#[derive(Clone, Copy, Debug)]
pub struct LoggedEvent {
    /// What the event is.
    pub kind: Kind,
    /// The id of the event's name.
    pub function: u32,
    /// Ticks at the begin.
    pub start: u64,
    /// Ticks from the begin to the end; 0 for all but spans.
    pub duration: u64,
}
