//! A file without a name for what does not fit into memory: nothing of it is left, however the process ends. As files
//! that can be open are few, many share one.

use rustix::fs::{FallocateFlags, fallocate};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// Grows at its end; what was written stays as it is.
#[derive(Debug)]
pub struct Store {
    file: File,
    end: AtomicU64,
}

/// Some bytes of a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Region {
    /// Where they begin.
    pub at: u64,
    /// How many there are.
    pub length: u64,
}

impl Store {
    /// An empty store in a directory; else where Python puts temporary files, too.
    pub fn new(directory: Option<&Path>) -> io::Result<Store> {
        let file = directory.map_or_else(tempfile::tempfile, tempfile::tempfile_in)?;
        Ok(Store { file, end: AtomicU64::new(0) })
    }

    /// Appends bytes.
    pub fn append(&self, bytes: &[u8]) -> io::Result<Region> {
        let region = self.reserve(bytes.len() as u64);
        self.write(region.at, bytes)?;
        Ok(region)
    }

    /// Room for bytes that are written later.
    pub fn reserve(&self, length: u64) -> Region {
        Region { at: self.end.fetch_add(length, Ordering::Relaxed), length }
    }

    /// Writes into room that was reserved.
    pub fn write(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, at)
    }

    /// Reads what was written.
    pub fn read(&self, at: u64, to: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(to, at)
    }

    /// Gives room back that is not read any more.
    pub fn free(&self, region: Region) {
        // Not every file system can; then the file just stays as large as it is.
        let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        let _ = fallocate(&self.file, hole, region.at, region.length);
    }
}
