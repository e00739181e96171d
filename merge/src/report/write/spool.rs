//! A temporary file without a name, for bytes that are written later or do not fit into memory.

use crate::error::MergeError;
use crate::parallel::lock::lock;
use crate::storage::output::Output;
use crate::storage::store::{Region, Store};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

/// The temporary file, which is made at the first write.
#[derive(Debug)]
pub struct Spool {
    store: OnceLock<Option<Store>>,
    /// The error of the first write that failed.
    failed: Mutex<Option<io::Error>>,
    report: PathBuf,
    directory: Option<PathBuf>,
}

impl Spool {
    /// Makes a spool in the directory of the report, which must have space for the report too. For a device or a pipe
    /// it is in the directory for temporary files.
    pub fn beside(output: &Output) -> Spool {
        let (report, directory) = (output.path().to_path_buf(), output.directory().map(Path::to_path_buf));
        Spool { store: OnceLock::new(), failed: Mutex::default(), report, directory }
    }

    /// Writes bytes. An error is returned when they are read.
    pub fn write(&self, bytes: &[u8]) -> Region {
        if bytes.is_empty() {
            return Region::default();
        }
        let Some(store) = self.store() else { return Region { at: 0, length: bytes.len() as u64 } };
        let region = store.reserve(bytes.len() as u64);
        if let Err(error) = store.write(region.at, bytes) {
            lock(&self.failed).get_or_insert(error);
        }
        region
    }

    /// Reads bytes back, once: their space is free for others then.
    pub fn read(&self, region: Region) -> Result<Vec<u8>, MergeError> {
        let mut bytes = vec![0; region.length as usize];
        if bytes.is_empty() {
            return Ok(bytes);
        }
        let failed = lock(&self.failed).take();
        let read = match (failed, self.store()) {
            (Some(error), _) => Err(error),
            (None, Some(store)) => store.read(region.at, &mut bytes).map(|()| store.free(region)),
            (None, None) => Err(io::ErrorKind::NotFound.into()),
        };
        read.map_err(|error| MergeError::Spool(self.report.clone(), error))?;
        Ok(bytes)
    }

    fn store(&self) -> Option<&Store> {
        let make = || {
            Store::new(self.directory.as_deref())
                .map_err(|error| {
                    lock(&self.failed).get_or_insert(error);
                })
                .ok()
        };
        self.store.get_or_init(make).as_ref()
    }
}
