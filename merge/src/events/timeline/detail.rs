//! How much of a trace is shown: a time, and the calls that are long enough to be seen.

use super::call::{Call, StackEvent};
use super::windows::Window;
use std::ops::Range;

/// A time, and the duration below which calls are merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detail {
    /// In nanoseconds of the report. Calls that overlap it are shown in whole.
    pub time: Range<u64>,
    /// Shorter calls are merged, in nanoseconds; 0 if none are.
    pub shortest: u64,
}

impl Detail {
    /// All the time.
    pub fn of_all(shortest: u64) -> Detail {
        Detail { time: 0..u64::MAX, shortest }
    }

    /// Whether a window may have calls of the time.
    pub fn has(&self, window: &Window) -> bool {
        window.floor < self.time.end && (window.is_last || window.end >= self.time.start)
    }

    /// Whether no earlier window of the thread has calls of the time.
    pub(super) fn begins_with(&self, window: &Window) -> bool {
        window.is_first || window.floor < self.time.start
    }

    /// Whether no later window of the thread has calls of the time.
    pub(super) fn ends_with(&self, window: &Window) -> bool {
        !window.is_last && window.end >= self.time.end
    }

    fn overlaps(&self, call: &Call) -> bool {
        call.start < self.time.end && call.end >= self.time.start
    }
}

/// Lets the stack events of a time through, window by window.
#[derive(Debug)]
pub(super) struct Cut<'a> {
    detail: &'a Detail,
    /// How many of the open calls of the thread are shown: the outermost ones.
    shown: usize,
}

impl<'a> Cut<'a> {
    pub fn new(detail: &'a Detail) -> Cut<'a> {
        Cut { detail, shown: 0 }
    }

    /// Begins a window in which these calls are open. They begin in it if it is the `first` one of the time.
    pub fn begin(&mut self, open: &[Call], first: bool, each: &mut impl FnMut(StackEvent<'_>, &[Call])) {
        self.shown = open.iter().take_while(|call| self.detail.overlaps(call)).count();
        for (index, call) in open.iter().enumerate().take(if first { self.shown } else { 0 }) {
            each(StackEvent::Begin(call), &open[..=index]);
        }
    }

    pub fn pass(&mut self, event: StackEvent<'_>, open: &[Call], each: &mut impl FnMut(StackEvent<'_>, &[Call])) {
        match event {
            StackEvent::Begin(call) if self.shown + 1 == open.len() && self.detail.overlaps(call) => self.shown += 1,
            StackEvent::End(..) if open.len() < self.shown => self.shown -= 1,
            StackEvent::Instant(event) if self.detail.time.contains(&event.start) => {}
            _ => return,
        }
        each(event, open);
    }

    /// Ends the calls that are open behind the last window of the time.
    pub fn end(self, open: &[Call], each: &mut impl FnMut(StackEvent<'_>, &[Call])) {
        for (index, call) in open.iter().enumerate().take(self.shown).rev() {
            each(StackEvent::End(call, None), &open[..index]);
        }
    }
}
