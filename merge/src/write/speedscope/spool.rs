//! A file without a name for what must wait for its turn: nothing of it is left, however the process ends.

use crate::error::MergeError;
use crate::output::Output;
use crate::write::lock;
use rustix::fs::{FallocateFlags, fallocate};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// The file.
#[derive(Debug)]
pub struct Spool {
    file: File,
    length: AtomicU64,
    /// What the first write came to that failed.
    failed: Mutex<Option<io::Error>>,
    report: PathBuf,
}

/// Where bytes are.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    offset: u64,
    length: usize,
}

impl Spool {
    /// A spool where the report is written, as there must be room for that, too; for a device or a pipe, where
    /// temporary files are.
    pub fn beside(output: &Output) -> Result<Spool, MergeError> {
        let report = output.path().to_path_buf();
        let file = match output.directory() {
            Some(directory) => tempfile::tempfile_in(directory),
            None => tempfile::tempfile(),
        };
        match file {
            Ok(file) => Ok(Spool { file, length: AtomicU64::new(0), failed: Mutex::default(), report }),
            Err(error) => Err(MergeError::Spool(report, error)),
        }
    }

    /// Keeps bytes. That they could not be kept is told when they are asked for.
    pub fn write(&self, bytes: &[u8]) -> Place {
        let (offset, length) = (self.length.fetch_add(bytes.len() as u64, Ordering::Relaxed), bytes.len());
        if let Err(error) = self.file.write_all_at(bytes, offset) {
            lock(&self.failed).get_or_insert(error);
        }
        Place { offset, length }
    }

    /// Gives bytes back, once: their room is free for others then.
    pub fn read(&self, place: Place) -> Result<Vec<u8>, MergeError> {
        let mut bytes = vec![0; place.length];
        let failed = lock(&self.failed).take();
        let read = failed.map_or_else(|| self.file.read_exact_at(&mut bytes, place.offset), Err);
        read.map_err(|error| MergeError::Spool(self.report.clone(), error))?;
        // Not every file system can; then the file just stays as large as it is.
        let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        let _ = fallocate(&self.file, hole, place.offset, place.length as u64);
        Ok(bytes)
    }
}
