//! Calls that take longer than somebody waits for. Only calls whose duration does not fit an ordinary record are compared
//! with that: the limit of such durations is lower then, so that the record path has nothing to do for it.

use super::slow_call::SlowCall;
use super::{Left, ThreadRecorder};
use viztracer_format::record::{Kind, Record};

/// How many calls are kept between two looks; others are not noted.
const KEPT: usize = 16;

impl ThreadRecorder {
    /// Returns the calls that were slow since this was asked last, and at most some.
    pub fn take_slow(&mut self) -> Vec<SlowCall> {
        std::mem::take(&mut self.slow)
    }

    /// Notes a call of this duration if it is slow, and if its end was seen. A look is due then.
    pub(super) fn note_slow(&mut self, frame: Record, kind: Kind, duration: u64) -> Left {
        let is_seen = matches!(kind, Kind::Return | Kind::Yield | Kind::Raise);
        if !is_seen || duration < self.slow_ticks || super::is_backwards(duration) {
            return Left::Recorded;
        }
        if self.slow.len() < KEPT {
            self.slow.push(SlowCall { function: frame.function(), duration });
        }
        Left::Due
    }
}
