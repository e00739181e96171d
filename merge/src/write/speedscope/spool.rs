//! What must wait for its turn, in a file without a name.

use crate::error::MergeError;
use crate::output::Output;
use crate::store::{Region, Store};
use crate::write::lock;
use std::io;
use std::path::PathBuf;
use std::sync::Mutex;

/// The file.
#[derive(Debug)]
pub struct Spool {
    store: Store,
    /// What the first write came to that failed.
    failed: Mutex<Option<io::Error>>,
    report: PathBuf,
}

impl Spool {
    /// A spool where the report is written, as there must be room for that, too; for a device or a pipe, where
    /// temporary files are.
    pub fn beside(output: &Output) -> Result<Spool, MergeError> {
        let report = output.path().to_path_buf();
        match Store::new(output.directory()) {
            Ok(store) => Ok(Spool { store, failed: Mutex::default(), report }),
            Err(error) => Err(MergeError::Spool(report, error)),
        }
    }

    /// Keeps bytes. That they could not be kept is told when they are asked for.
    pub fn write(&self, bytes: &[u8]) -> Region {
        let region = self.store.reserve(bytes.len() as u64);
        if let Err(error) = self.store.write(region.at, bytes) {
            lock(&self.failed).get_or_insert(error);
        }
        region
    }

    /// Gives bytes back, once: their room is free for others then.
    pub fn read(&self, region: Region) -> Result<Vec<u8>, MergeError> {
        let mut bytes = vec![0; region.length as usize];
        let failed = lock(&self.failed).take();
        let read = failed.map_or_else(|| self.store.read(region.at, &mut bytes), Err);
        read.map_err(|error| MergeError::Spool(self.report.clone(), error))?;
        self.store.free(region);
        Ok(bytes)
    }
}
