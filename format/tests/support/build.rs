//! A ring file with segments of 4 KiB on the heap, written through the same types as a mapped one.

use std::sync::atomic::{AtomicU64, Ordering};
use viztracer_format::header::{HEADER_SIZE, Identity, STATUS_OFFSET, Status};
use viztracer_format::labels::{LABEL_SIZE, Label};
use viztracer_format::names::ThreadCounts;
use viztracer_format::record::{RECORD_SIZE, Record};
use viztracer_format::segment::{Opening, SEGMENT_HEADER_SIZE, SegmentHeader};
use viztracer_format::stack::{BLOCK_HEADER_SIZE, BlockHeader, Slot};

/// Bytes of a page: the header, or a segment.
pub const PAGE: usize = 4096;
const WORDS: usize = PAGE / 8;

#[repr(C, align(4096))]
struct Page([AtomicU64; WORDS]);
const _: () = assert!(PAGE == HEADER_SIZE);

/// Types that consist of `AtomicU64`s and nothing else.
///
/// # Safety
///
/// Only for `repr(C)` types whose fields are all `AtomicU64`s or arrays of them.
unsafe trait Words {}
// SAFETY: ten atomic words and an array of six.
unsafe impl Words for SegmentHeader {}
// SAFETY: nine atomic words and two arrays of three.
unsafe impl Words for Status {}
// SAFETY: six atomic words and an array of ten.
unsafe impl Words for Label {}
// SAFETY: three atomic words.
unsafe impl Words for ThreadCounts {}
// SAFETY: two atomic words and an array of six.
unsafe impl Words for BlockHeader {}
// SAFETY: two atomic words.
unsafe impl Words for Slot {}

/// A ring file in memory.
pub struct File {
    pages: Vec<Page>,
}

impl File {
    /// A file with this identity and as many free segments.
    pub fn new(identity: Identity, arguments: &[u8], segments: usize) -> File {
        let page = || Page(std::array::from_fn(|_| AtomicU64::new(0)));
        let file = File { pages: std::iter::repeat_with(page).take(1 + segments).collect() };
        file.store(0, 0, &identity.to_page(arguments)[..]);
        file
    }

    /// The changing part of the header.
    pub fn status(&self) -> &Status {
        self.at(0, STATUS_OFFSET)
    }

    /// The header of segment `index`.
    pub fn segment(&self, index: usize) -> &SegmentHeader {
        self.at(1 + index, 0)
    }

    /// Opens segment `index`; what the writer appends comes after `used` bytes of the body.
    pub fn open(&self, index: usize, opening: Opening) -> Writer<'_> {
        self.segment(index).open(opening);
        Writer { file: self, page: 1 + index, used: 0 }
    }

    /// The file's bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let words = self.pages.iter().flat_map(|page| &page.0);
        words.flat_map(|word| word.load(Ordering::Relaxed).to_le_bytes()).collect()
    }

    fn at<T: Words>(&self, page: usize, offset: usize) -> &T {
        assert!(offset.is_multiple_of(align_of::<T>()) && offset + size_of::<T>() <= PAGE);
        let page: *const Page = &self.pages[page];
        // SAFETY: the offset lies inside the page.
        let place = unsafe { page.byte_add(offset) };
        // SAFETY: aligned and inside the page, which is made of atomic words like every `T: Words`.
        unsafe { &*place.cast::<T>() }
    }

    /// Stores bytes, whole words of them.
    fn store(&self, page: usize, offset: usize, bytes: &[u8]) {
        let words = &self.pages[page].0[offset / 8..];
        let (chunks, rest) = bytes.as_chunks();
        assert!(offset.is_multiple_of(8) && rest.is_empty() && chunks.len() <= words.len());
        for (word, chunk) in words.iter().zip(chunks) {
            word.store(u64::from_le_bytes(*chunk), Ordering::Relaxed);
        }
    }
}

/// Fills a segment.
pub struct Writer<'f> {
    file: &'f File,
    page: usize,
    used: usize,
}

impl<'f> Writer<'f> {
    /// The segment's header.
    pub fn header(&self) -> &'f SegmentHeader {
        self.file.at(self.page, 0)
    }

    /// Appends a NAMES entry or a payload and commits it; returns its offset in the body.
    pub fn append(&mut self, bytes: &[u8]) -> usize {
        let at = self.used;
        let mut padded = bytes.to_vec();
        padded.resize(bytes.len().next_multiple_of(8), 0);
        self.file.store(self.page, SEGMENT_HEADER_SIZE + at, &padded);
        self.used += padded.len();
        self.header().commit(self.used);
        at
    }

    /// The changing words of the THREAD entry at this offset of the body.
    pub fn counts(&self, entry: usize) -> &'f ThreadCounts {
        self.file.at(self.page, SEGMENT_HEADER_SIZE + entry + ThreadCounts::OFFSET)
    }

    /// The label at this place of a LABELS segment; the segment counts as complete up to it.
    pub fn label(&mut self, place: usize) -> &'f Label {
        self.used = self.used.max((place + 1) * LABEL_SIZE);
        self.header().commit(self.used);
        self.file.at(self.page, SEGMENT_HEADER_SIZE + place * LABEL_SIZE)
    }

    /// Appends an event with its extensions and commits all of them at once.
    pub fn record(&mut self, event: Record, extensions: &[Record]) {
        self.slots(event, extensions);
        self.header().count_others(extensions.len() as u32, 0);
        self.header().commit(self.used);
    }

    /// Hands the segment over to another thread.
    pub fn hand_over(&mut self, serial: u32) {
        self.slots(Record::thread(serial), &[]);
        self.header().count_others(0, 1);
        self.header().commit(self.used);
    }

    /// Appends a record that is neither an event nor a hand-over.
    pub fn mark(&mut self, mark: Record) {
        self.slots(mark, &[]);
        self.header().count_others(1, 0);
        self.header().commit(self.used);
    }

    fn slots(&mut self, first: Record, others: &[Record]) {
        for record in std::iter::once(&first).chain(others) {
            let slot: &Slot = self.file.at(self.page, SEGMENT_HEADER_SIZE + self.used);
            slot.store(*record);
            self.used += RECORD_SIZE;
        }
    }

    /// Seals the segment.
    pub fn seal(self) {
        let page = &self.file.bytes()[self.page * PAGE..][..PAGE];
        self.header().seal(&page[SEGMENT_HEADER_SIZE..][..self.used]);
    }

    /// The only block of a STACKS segment of this size, given to a thread, with these open frames.
    pub fn block(&self, thread: u32, base: u32, frames: &[Record]) {
        let block: &BlockHeader = self.file.at(self.page, SEGMENT_HEADER_SIZE);
        block.take(thread, base);
        for (index, frame) in frames.iter().enumerate() {
            let offset = SEGMENT_HEADER_SIZE + BLOCK_HEADER_SIZE + index * RECORD_SIZE;
            let slot: &Slot = self.file.at(self.page, offset);
            slot.store(*frame);
            block.count.store(index as u64 + 1, Ordering::Release);
        }
        self.header().commit(viztracer_format::stack::BLOCK_SIZE);
    }
}
