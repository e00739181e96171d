//! The queue of sealed segments, oldest first, and how many newer events stand behind its front.
//!
//! Sealed segments are numbered from 0 in the order of their sealing. A segment that was opened when `n` segments had
//! been sealed *follows* segment `n - 1`: its events are newer than all events of the segments up to that one. Its
//! events may be older than those of a segment that was sealed while it was open.
//!
//! ```text
//! number      4           5           6           7        sealed next: 8
//!             front                               back
//! events of segments that were opened after it:
//!             a           b           c           d        newer = a + b + c + d
//! ```
//!
//! So `newer` is the number of events that are certainly newer than the front. When the front goes, `a` goes with it:
//! what follows segment 4 may have been open while segment 5 was sealed, and so need not be newer than segment 5.

use crate::labels::Handle;
use std::collections::VecDeque;

/// Sealed segments in the order of their sealing.
#[derive(Debug, Default)]
pub(super) struct SealedQueue {
    segments: VecDeque<SealedSegment>,
    /// How many segments were ever removed from the front; this is the number of the front.
    removed: u64,
    /// Events in sealed segments that follow a segment of the queue.
    newer: u64,
}

/// A sealed segment in the queue.
#[derive(Debug)]
pub(super) struct SealedSegment {
    /// The segment's index in the file.
    pub segment: u32,
    /// Labels of threads and tasks whose last record stands in the segment.
    pub ended: Vec<Handle>,
    /// Events in the sealed segments that follow this one.
    followers: u64,
}

impl SealedQueue {
    /// How many segments have ever been sealed: the number of the next one.
    pub fn count(&self) -> u64 {
        self.removed + self.segments.len() as u64
    }

    /// Events that are certainly newer than all events of the front.
    pub fn newer(&self) -> u64 {
        self.newer
    }

    /// Appends a segment with this many events, which was opened when `opened_after` segments had been sealed. Returns
    /// its number.
    pub fn push(&mut self, segment: u32, ended: Vec<Handle>, events: u64, opened_after: u64) -> u64 {
        if let Some(before) = opened_after.checked_sub(1).and_then(|number| self.get_mut(number)) {
            before.followers += events;
            self.newer += events;
        }
        let number = self.count();
        self.segments.push_back(SealedSegment { segment, ended, followers: 0 });
        number
    }

    /// Removes the front.
    pub fn pop(&mut self) -> Option<SealedSegment> {
        let oldest = self.segments.pop_front()?;
        self.removed += 1;
        self.newer -= oldest.followers;
        Some(oldest)
    }

    /// The segment with this number, if it is still in the queue.
    pub fn get_mut(&mut self, number: u64) -> Option<&mut SealedSegment> {
        let index = number.checked_sub(self.removed)?;
        self.segments.get_mut(usize::try_from(index).ok()?)
    }
}
