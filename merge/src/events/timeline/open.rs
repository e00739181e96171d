//! A value for each open call, for a consumer of stack events.

use super::call::Call;

/// A value for each open call of the thread whose stack events come, outermost first.
#[derive(Debug)]
pub struct OpenCalls<T> {
    thread: usize,
    values: Vec<T>,
}

impl<T> Default for OpenCalls<T> {
    fn default() -> OpenCalls<T> {
        OpenCalls { thread: usize::MAX, values: Vec::new() }
    }
}

impl<T> OpenCalls<T> {
    /// Adds a call that begins, the innermost of `open`. `enter` makes the value of a call from the values of the calls
    /// around it.
    #[inline(always)]
    pub fn begin(&mut self, call: &Call, open: &[Call], mut enter: impl FnMut(&Call, &[T]) -> T) {
        let (_, around) = open.split_last().unwrap_or((call, &[]));
        self.settle(call.thread, around, &mut enter);
        self.push(call, &mut enter);
    }

    /// Removes a call that ends, and returns its value. `around` are the calls that stay open.
    #[inline(always)]
    pub fn end(&mut self, call: &Call, around: &[Call], mut enter: impl FnMut(&Call, &[T]) -> T) -> Option<T> {
        if self.thread != call.thread || self.values.len() != around.len() + 1 {
            self.settle(call.thread, around, &mut enter);
            self.push(call, &mut enter);
        }
        self.values.pop()
    }

    /// The value of the innermost open call, to change it.
    #[inline(always)]
    pub fn innermost_mut(&mut self) -> Option<&mut T> {
        self.values.last_mut()
    }

    /// Whether these are calls of this thread.
    #[inline(always)]
    pub fn is_of(&self, thread: usize) -> bool {
        self.thread == thread
    }

    /// Removes all calls of the thread, and returns their values.
    pub fn drain(&mut self) -> impl DoubleEndedIterator<Item = T> {
        self.thread = usize::MAX;
        self.values.drain(..)
    }

    /// The values of all open calls, outermost first.
    pub fn values(&self) -> &[T] {
        &self.values
    }

    /// Makes the values of these calls if they are missing: at the begin of a part, some calls are open already.
    #[inline(always)]
    fn settle(&mut self, thread: usize, calls: &[Call], enter: &mut impl FnMut(&Call, &[T]) -> T) {
        if self.thread != thread || self.values.len() != calls.len() {
            self.begin_anew(thread, calls, enter);
        }
    }

    #[cold]
    fn begin_anew(&mut self, thread: usize, calls: &[Call], enter: &mut impl FnMut(&Call, &[T]) -> T) {
        self.thread = thread;
        self.values.clear();
        calls.iter().for_each(|call| self.push(call, enter));
    }

    #[inline(always)]
    fn push(&mut self, call: &Call, enter: &mut impl FnMut(&Call, &[T]) -> T) {
        let value = enter(call, &self.values);
        self.values.push(value);
    }
}
