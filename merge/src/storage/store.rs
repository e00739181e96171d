//! A file without a name for what does not fit into memory. Nothing of it is left, however the process ends. Many
//! documents share one file, as a process can have only few files open.

use crate::system;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// A file that grows at its end. What was written does not change.
#[derive(Debug)]
pub struct Store {
    file: File,
    end: AtomicU64,
}

/// A range of bytes in a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Region {
    /// Where the range begins.
    pub at: u64,
    /// The number of bytes.
    pub length: u64,
}

impl Store {
    /// Makes an empty store in a directory, by default in that for temporary files.
    pub fn new(directory: Option<&Path>) -> io::Result<Store> {
        let file = directory.map_or_else(tempfile::tempfile, tempfile::tempfile_in)?;
        Ok(Store { file, end: AtomicU64::new(0) })
    }

    /// Appends bytes to the store.
    pub fn append(&self, bytes: &[u8]) -> io::Result<Region> {
        let region = self.reserve(bytes.len() as u64);
        self.write(region.at, bytes)?;
        Ok(region)
    }

    /// Reserves a range for bytes that are written later.
    pub fn reserve(&self, length: u64) -> Region {
        Region { at: self.end.fetch_add(length, Ordering::Relaxed), length }
    }

    /// Writes bytes into a range that was reserved.
    pub fn write(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        system::write_all_at(&self.file, bytes, at)
    }

    /// Reads bytes that were written.
    pub fn read(&self, at: u64, to: &mut [u8]) -> io::Result<()> {
        system::read_exact_at(&self.file, to, at)
    }

    /// Frees the disk space of a range that is not read any more, where the system can.
    pub fn free(&self, region: Region) {
        system::free(&self.file, region.at, region.length);
    }
}
