//! What a recording is asked to do, and what follows from it for the file and the record path.

use crate::clock::Clock;
use std::path::PathBuf;
use viztracer_format::clock::Anchor;
use viztracer_format::header::{SEGMENT_SIZE_MAX, SEGMENT_SIZE_MIN};
use viztracer_format::record::RECORD_SIZE;

/// What to record and where.
#[derive(Clone, Debug)]
pub struct Options {
    /// The directory of the ring file; it must exist.
    pub directory: PathBuf,
    /// The file's name is `<prefix>_<pid>.bin`.
    pub prefix: String,
    /// How many of the newest events to keep.
    pub entries: u64,
    /// Calls shorter than this, in ns, are not of interest.
    pub min_duration: u64,
    /// The deepest nesting that is recorded.
    pub max_depth: usize,
    /// The same in all processes of one run.
    pub session_id: [u8; 16],
    /// `PY_VERSION_HEX`.
    pub python_version: u32,
    /// An anchor from some time before, for the first estimate of the tick rate; zeros if there is none.
    pub imported: Anchor,
    /// The time between two looks at the session's switches, in ns; `None`: it has none.
    pub look_interval: Option<u64>,
    /// Calls that last so many ns are noted for [`ThreadRecorder::take_slow`](crate::ThreadRecorder::take_slow); 0: none.
    pub slow_call: u64,
    /// What tracing may cost; `None`: whatever it costs.
    pub budget: Option<Budget>,
}

/// What tracing may cost.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// As a part of the processor time that the process would take without tracing.
    pub bound: f64,
    /// What a recorded call costs, in ns: an estimate.
    pub call_cost: f64,
    /// Whether tasks are told apart: then functions with which a task or an arrow may begin are always recorded.
    pub has_tasks: bool,
}

/// A ring has this many segments, so that recycling one forgets little.
const SEGMENTS_PER_RING: u64 = 1024;
/// A segment of this size spreads the cost of sealing over a thousand records; a larger one would only cost each thread
/// more memory.
const SEGMENT_SIZE_USUAL: u64 = 16384;
/// The most segments of a ring, except of the largest rings: a reader of the file keeps a few words for each.
const SEGMENTS_MAX: u64 = 1 << 16;
/// The shortest time between two anchors, in ns, that gives a useful estimate of the tick rate.
const ESTIMATE_MIN: u64 = 100_000;

impl Options {
    /// A recording of every call in a file in this directory, until a million newer events overwrite it. Nothing is
    /// said of Python, and the process is a run of its own.
    pub fn new(directory: impl Into<PathBuf>) -> Options {
        Options {
            directory: directory.into(),
            prefix: "result".to_owned(),
            entries: 1_000_000,
            min_duration: 0,
            max_depth: usize::MAX,
            session_id: [0; 16],
            python_version: 0,
            imported: Anchor::default(),
            look_interval: None,
            slow_call: 0,
            budget: None,
        }
    }

    /// Whether it is estimated how often elided functions are called. If calls are left out that are too short or too
    /// deep, nobody knows how many of those that are counted would have been recorded.
    pub fn estimates_calls(&self) -> bool {
        self.budget.is_some() && self.min_duration == 0 && self.max_depth == usize::MAX
    }

    /// The size of a segment, in bytes. Every living thread pins one, so it is no larger than is useful.
    pub(super) fn segment_size(&self) -> usize {
        let ring = self.entries.saturating_mul(RECORD_SIZE as u64);
        let size = (ring / SEGMENTS_PER_RING).min(SEGMENT_SIZE_USUAL).max(ring / SEGMENTS_MAX);
        (size.next_power_of_two() as usize).clamp(SEGMENT_SIZE_MIN, SEGMENT_SIZE_MAX)
    }

    /// A number of ticks that is certainly less than `min_duration`. The record path only saves space by it; the merge
    /// knows the tick rate and cuts exactly. The rate is estimated from `imported` and `opened`, without waiting.
    pub(super) fn min_ticks(&self, opened: Anchor) -> u64 {
        self.ticks(self.min_duration, opened).map_or(0, |ticks| ticks / 100 * 99)
    }

    /// The ticks between two looks, or less.
    pub(super) fn look_ticks(&self, clock: Clock, opened: Anchor) -> Option<u64> {
        self.look_interval.map(|interval| self.ticks(interval, opened).unwrap_or_else(|| clock.least_ticks(interval)))
    }

    /// A number of ticks that is certainly less than `slow_call`; what is noted is compared exactly later.
    pub(super) fn slow_ticks(&self, clock: Clock, opened: Anchor) -> u64 {
        let ticks = |time| self.ticks(time, opened).unwrap_or_else(|| clock.least_ticks(time));
        if self.slow_call == 0 { u64::MAX } else { (ticks(self.slow_call) / 100 * 99).max(1) }
    }

    /// About so many ticks are in this time, in ns; `None` if the rate cannot be estimated.
    fn ticks(&self, time: u64, opened: Anchor) -> Option<u64> {
        let ticks = opened.ticks.saturating_sub(self.imported.ticks);
        let nanoseconds = opened.monotonic.saturating_sub(self.imported.monotonic);
        if self.imported == Anchor::default() || nanoseconds < ESTIMATE_MIN {
            return None;
        }
        let estimate = u128::from(time) * u128::from(ticks) / u128::from(nanoseconds);
        Some(u64::try_from(estimate).unwrap_or(u64::MAX))
    }
}
