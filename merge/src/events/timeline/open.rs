//! What a reader of steps keeps of each open call.

use super::call::Call;

/// Something kept of each open call of the thread whose steps are told, outermost first.
#[derive(Debug)]
pub struct OpenCalls<T> {
    thread: usize,
    kept: Vec<T>,
}

impl<T> Default for OpenCalls<T> {
    fn default() -> OpenCalls<T> {
        OpenCalls { thread: usize::MAX, kept: Vec::new() }
    }
}

impl<T> OpenCalls<T> {
    /// A call begins, the innermost of these. `enter` gives what is kept of a call, from what is kept of those around
    /// it.
    pub fn begin(&mut self, call: &Call, open: &[Call], mut enter: impl FnMut(&Call, &[T]) -> T) {
        let (_, around) = open.split_last().unwrap_or((call, &[]));
        self.settle(call.thread, around, &mut enter);
        self.push(call, &mut enter);
    }

    /// A call inside these ends; gives what was kept of it.
    pub fn end(&mut self, call: &Call, around: &[Call], mut enter: impl FnMut(&Call, &[T]) -> T) -> Option<T> {
        if self.thread != call.thread || self.kept.len() != around.len() + 1 {
            self.settle(call.thread, around, &mut enter);
            self.push(call, &mut enter);
        }
        self.kept.pop()
    }

    /// What is kept of the innermost open call.
    pub fn innermost(&self) -> Option<&T> {
        self.kept.last()
    }

    /// Sees to it that these are the open calls: at the beginning of a part, some are open already.
    fn settle(&mut self, thread: usize, calls: &[Call], enter: &mut impl FnMut(&Call, &[T]) -> T) {
        if self.thread != thread || self.kept.len() != calls.len() {
            self.thread = thread;
            self.kept.clear();
            calls.iter().for_each(|call| self.push(call, enter));
        }
    }

    fn push(&mut self, call: &Call, enter: &mut impl FnMut(&Call, &[T]) -> T) {
        let kept = enter(call, &self.kept);
        self.kept.push(kept);
    }
}
