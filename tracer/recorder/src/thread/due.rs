//! When a thread should look at the session's switches: at the end of a call, when some time has passed.
//!
//! The record path compares the time with one number, which also stands for the calls that are too deep. So a session
//! that can be switched costs it nothing.

use super::{Left, ThreadRecorder};
use viztracer_format::record::Kind;

impl ThreadRecorder {
    /// Ends the call that began with this tag, if a look is due or a call that is too deep is open.
    #[cold]
    #[inline(never)]
    pub(super) fn leave_rarely(&mut self, tag: u64, kind: Kind, now: u64) -> Left {
        let left = match self.leave_too_deep(tag) {
            Some(left) => left,
            None => self.leave_frame(tag, kind, now),
        };
        self.end_unseen(now);
        if left == Left::Recorded && self.is_look_due(now) { Left::Due } else { left }
    }

    /// Whether a look is due now. The next one is due only later.
    pub fn take_due(&mut self) -> bool {
        self.is_look_due(self.clock.now())
    }

    pub(super) fn is_look_due(&mut self, now: u64) -> bool {
        if !self.slow.is_empty() {
            return true;
        }
        let Some(look_ticks) = self.look_ticks.filter(|_| now >= self.due_from) else { return false };
        self.due_from = now.saturating_add(look_ticks);
        self.expect_rare_cases();
        true
    }

    /// Sets from when on the end of a call is a rare case, after what that depends on has changed.
    pub(super) fn expect_rare_cases(&mut self) {
        let is_each_rare = self.unseen > 0 || !self.too_deep.is_empty();
        self.rare_from = if is_each_rare { 0 } else { self.due_from };
    }
}
