//! The depth limit, and the calls that are deeper.

use super::open_calls::TooDeep;
use super::{Left, ThreadRecorder};

impl ThreadRecorder {
    /// Ends the innermost call if it is too deep. `None`: it is on the stack.
    pub(super) fn leave_too_deep(&mut self, tag: u64) -> Option<Left> {
        let innermost = self.too_deep.last().filter(|_| self.is_too_deep())?;
        if innermost.tag != tag {
            return Some(Left::Unmatched);
        }
        self.pop_too_deep();
        Some(Left::Recorded)
    }

    /// Whether the innermost open call is too deep to be on the stack.
    pub(super) fn is_too_deep(&self) -> bool {
        self.too_deep.last().is_some_and(|innermost| innermost.depth == self.depth())
    }

    /// Begins a call that is too deep.
    pub(super) fn push_too_deep(&mut self, tag: u64) {
        let depth = self.depth();
        self.too_deep.push(TooDeep { tag, depth });
        self.expect_rare_cases();
    }

    /// Removes the innermost open call if it is too deep, and returns its tag.
    pub(super) fn pop_too_deep(&mut self) -> Option<u64> {
        let innermost = if self.is_too_deep() { self.too_deep.pop() } else { None }?;
        self.expect_rare_cases();
        Some(innermost.tag)
    }

    /// The deepest stack. What is no call does not count for the user's limit.
    pub(super) fn depth_limit(&self) -> usize {
        self.max_depth.saturating_add(self.no_calls()).saturating_add(self.uncounted)
    }

    /// Whether one more call would be too deep to be recorded.
    pub fn is_full_depth(&self) -> bool {
        self.depth() >= self.depth_limit()
    }

    /// Makes the depth limit ignore the calls that are open now, except the `inner` innermost ones, some of which may
    /// be too deep to be on the stack. The limit does not fall below what is open.
    pub fn count_depth_from_here(&mut self, inner: usize) {
        let recorded = self.depth() - self.no_calls();
        let too_deep = self.too_deep.iter().filter(|call| call.depth == self.depth()).count();
        let uncounted = recorded.saturating_sub(inner.saturating_sub(too_deep));
        self.uncounted = uncounted.max(recorded.saturating_sub(self.max_depth));
        self.end_block();
    }

    /// Records calls that are nested up to `depth` from here on, and none that are nested deeper.
    pub fn limit_depth(&mut self, depth: usize) {
        self.max_depth = depth;
        self.uncounted = self.depth() - self.no_calls();
        self.end_block();
    }
}
