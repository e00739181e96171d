//! What a ring asks of the memory that holds its segments.

use viztracer_format::header::Status;
use viztracer_format::segment::SegmentHeader;
use viztracer_format::stack::{BlockHeader, Slot};

/// The memory that holds segments: the mapped file, or the heap in tests.
pub trait Memory {
    /// The number of segments that the memory can ever hold.
    fn capacity(&self) -> u32;
    /// The number of segments that can be allocated as far as that is known in advance; at most the capacity.
    fn available(&self) -> u32;
    /// Makes the segments from `from` to `to` usable. `Err` holds the operating system's error number.
    fn grow(&self, from: u32, to: u32) -> Result<(), i32>;
    /// The number of records that fit a segment.
    fn slots_per_segment(&self) -> usize;
    /// The header of a usable segment.
    fn header(&self, segment: u32) -> &SegmentHeader;
    /// The body of a usable segment as record slots.
    fn slots(&self, segment: u32) -> &[Slot];
    /// Seals a segment of which this many slots are committed. Returns the number of events in them if it is of CALLS.
    fn seal(&self, segment: u32, slots: usize) -> u64;
    /// The stack blocks of a usable segment.
    fn blocks(&self, segment: u32) -> impl Iterator<Item = *const BlockHeader>;
    /// The changing part of the file's header.
    fn status(&self) -> &Status;
}
