//! A call that took longer than somebody waits for.

/// A call that has ended and that took long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlowCall {
    /// The id of the function.
    pub function: u32,
    /// From the begin to the end, in ticks.
    pub duration: u64,
}
