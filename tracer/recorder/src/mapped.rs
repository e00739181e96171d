//! The segments of a mapped ring file.

use crate::file::RingFile;
use crate::ring::{Memory, Ring};
use viztracer_format::header::{HEADER_SIZE, Status};
use viztracer_format::record::RECORD_SIZE;
use viztracer_format::segment::{SEGMENT_HEADER_SIZE, SegmentHeader};
use viztracer_format::stack::{BLOCK_SIZE, BlockHeader, Slot, blocks_per_segment};
use viztracer_format::sync::Ordering;

/// The ring over a mapped file.
pub type MappedRing = Ring<MappedFile>;

/// A ring file seen as equal segments.
#[derive(Debug)]
pub struct MappedFile {
    file: RingFile,
    segment_size: usize,
    capacity: u32,
}

impl MappedFile {
    /// Segments of `segment_size` bytes in a file that maps `capacity` of them.
    pub fn new(file: RingFile, segment_size: usize, capacity: u32) -> MappedFile {
        MappedFile { file, segment_size, capacity }
    }

    /// The file.
    pub fn file(&self) -> &RingFile {
        &self.file
    }

    /// Closes the file behind its first `segments` segments.
    pub fn close(self, segments: u32) {
        let length = self.offset(segments);
        self.file.close(length);
    }

    fn offset(&self, segment: u32) -> usize {
        HEADER_SIZE + segment as usize * self.segment_size
    }

    fn start(&self, segment: u32) -> *mut u8 {
        debug_assert!(segment < self.capacity);
        self.file.base().wrapping_add(self.offset(segment))
    }

    fn body(&self, segment: u32) -> *mut u8 {
        self.start(segment).wrapping_add(SEGMENT_HEADER_SIZE)
    }
}

impl Memory for MappedFile {
    fn capacity(&self) -> u32 {
        self.capacity
    }

    fn available(&self) -> u32 {
        let segments = self.file.available().saturating_sub(HEADER_SIZE as u64) / self.segment_size as u64;
        u32::try_from(segments).unwrap_or(u32::MAX).min(self.capacity)
    }

    fn grow(&self, from: u32, to: u32) -> Result<(), i32> {
        self.file.grow(self.offset(from), self.offset(to))
    }

    fn slots_per_segment(&self) -> usize {
        (self.segment_size - SEGMENT_HEADER_SIZE) / RECORD_SIZE
    }

    fn header(&self, segment: u32) -> &SegmentHeader {
        // SAFETY: a usable segment begins with its header, atomic words in mapped memory, aligned to 4 KiB.
        unsafe { &*self.start(segment).cast() }
    }

    fn slots(&self, segment: u32) -> &[Slot] {
        // SAFETY: the body of a usable segment, atomic words in mapped memory.
        unsafe { std::slice::from_raw_parts(self.body(segment).cast(), self.slots_per_segment()) }
    }

    fn seal(&self, segment: u32, slots: usize) -> u64 {
        // SAFETY: the committed part of the body, which nobody stores to any more.
        let committed = unsafe { std::slice::from_raw_parts(self.body(segment), slots * RECORD_SIZE) };
        let header = self.header(segment);
        header.seal(committed);
        slots as u64 - (header.others.load(Ordering::Relaxed) & u64::from(u32::MAX))
    }

    fn blocks(&self, segment: u32) -> impl Iterator<Item = *const BlockHeader> {
        let body = self.body(segment);
        (0..blocks_per_segment(self.segment_size))
            .rev()
            .map(move |index| body.wrapping_add(index * BLOCK_SIZE).cast_const().cast())
    }

    fn status(&self) -> &Status {
        self.file.status()
    }
}
