//! The ring [`file`](self) under Miri, which cannot map files: the same interface over memory of the heap. Closing it
//! writes its bytes to the path, so that a test can read them.
//!
//! Miri watches each byte of it: those that [`RingFile::grow`] has not been asked for are uninitialized, and none is
//! there after [`RingFile::close`].

use crate::clock::Clock;
use crate::error::{FileAction, RecorderError};
use crate::last_act;
use rustix::io::Errno;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use viztracer_format::header::{HEADER_SIZE, STATUS_OFFSET, Status};

const PAGE: usize = 4096;

/// Memory for a recording of a few segments.
#[derive(Debug)]
pub struct RingFile {
    base: *mut u8,
    layout: Layout,
    path: PathBuf,
}

// SAFETY: owns its memory, of which others use atomic words.
unsafe impl Send for RingFile {}
// SAFETY: as above.
unsafe impl Sync for RingFile {}

impl RingFile {
    /// Memory that holds the header page and can grow to `capacity` bytes. Each gets a path of its own.
    pub fn create(
        directory: &Path,
        stem: &str,
        header: &[u8; HEADER_SIZE],
        capacity: usize,
    ) -> Result<RingFile, RecorderError> {
        static FILES: AtomicU32 = AtomicU32::new(0);
        let path = directory.join(format!("{stem}_{}.bin", FILES.fetch_add(1, Ordering::Relaxed)));
        let too_large =
            |_| RecorderError::File { action: FileAction::Map, path: path.clone(), source: Errno::NOMEM.into() };
        let layout = Layout::from_size_align(capacity.max(HEADER_SIZE), PAGE).map_err(too_large)?;
        // SAFETY: a layout of at least a page.
        let base = unsafe { alloc(layout) };
        if base.is_null() {
            handle_alloc_error(layout);
        }
        // SAFETY: the memory is at least as long as the header, and nobody else has it.
        unsafe { base.copy_from_nonoverlapping(header.as_ptr(), HEADER_SIZE) };
        Ok(RingFile { base, layout, path })
    }

    /// Where the bytes will be.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The first byte.
    pub fn base(&self) -> *mut u8 {
        self.base
    }

    /// The changing part of the header.
    pub fn status(&self) -> &Status {
        // SAFETY: the header page is there from the beginning and `Status` is atomic words at an aligned offset.
        unsafe { &*self.base.add(STATUS_OFFSET).cast() }
    }

    /// The number of bytes that the file can have.
    pub fn available(&self) -> u64 {
        self.layout.size() as u64
    }

    /// Makes this the file into which [`last_act`] stores how the process ends.
    pub fn follow(&self, clock: Clock) {
        last_act::follow(self.status(), (self.base, self.layout.size()), clock);
    }

    /// Ends [`RingFile::follow`].
    pub fn unfollow(&self) {
        last_act::forget(self.base);
    }

    /// Zeros the bytes from `from` to `to`, so that they can be read.
    pub fn grow(&self, from: usize, to: usize) -> Result<(), i32> {
        assert!(from <= to && to <= self.layout.size());
        // SAFETY: inside of the memory, and nobody has these bytes before they are grown.
        unsafe { self.base.add(from).write_bytes(0, to - from) };
        Ok(())
    }

    /// Writes the first `length` bytes to the path, and frees the memory.
    pub fn close(self, length: usize) {
        assert!(length <= self.layout.size());
        // SAFETY: bytes that were grown, and nobody else uses the memory any more.
        let bytes = unsafe { std::slice::from_raw_parts(self.base, length) };
        std::fs::write(&self.path, bytes).expect("the directory of a test can be written to");
    }

    /// Forgets the parent's file in a forked child; there is no descriptor.
    pub fn forget_descriptor(&self) {
        last_act::forget_parents();
    }

    /// Gives up the memory.
    ///
    /// # Safety
    ///
    /// Nobody may touch it again, nor drop this.
    pub unsafe fn forget_mapping(&self) {
        last_act::forget(self.base);
        // SAFETY: allocated with this layout; as the caller promises, nobody uses it or frees it again.
        unsafe { dealloc(self.base, self.layout) };
    }

    /// Whether the file has a name: always.
    pub fn is_linked(&self) -> bool {
        true
    }
}

impl Drop for RingFile {
    fn drop(&mut self) {
        // SAFETY: this is the end of it, and nobody can reach the memory otherwise.
        unsafe { self.forget_mapping() };
    }
}

/// The same file: no program shares the descriptors of this process.
pub(crate) fn out_of_the_way(file: OwnedFd) -> OwnedFd {
    file
}

/// A limit that keeps the memory of each recording small.
pub fn address_space() -> Option<usize> {
    Some(64 << 20)
}
