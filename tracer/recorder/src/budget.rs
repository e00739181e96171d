//! What a process may spend on tracing, and which functions it stops recording when it spends more: it *elides* them.
//!
//! Nothing of this is on the record path. Now and then a thread books the calls that it has recorded since the last time
//! ([`Account`]). If that is too much, it looks at the newest records of its segment, which are a sample of what it does
//! ([`Sample`]), and chooses the functions that are called most. Their calls may be counted now and then
//! (`Estimator`).

mod account;
mod estimate;
mod sample;

use crate::clock::scaled;
pub use account::Account;
pub use estimate::Burst;
pub(crate) use estimate::Estimator;
pub(crate) use sample::{Call, Known, OpenCall, choose};
pub use sample::{Elided, Elision, Sample};
use viztracer_format::clock::Anchor;

/// Calls that take longer than this on average, in ns, are always recorded.
const ELIDED_MAX: u64 = 10_000;

/// The same in ticks, by the rate between two times.
pub(crate) fn ticks_max(from: Anchor, to: Anchor) -> u64 {
    let ticks = to.ticks.saturating_sub(from.ticks);
    scaled(ELIDED_MAX, ticks, to.monotonic.saturating_sub(from.monotonic))
}
