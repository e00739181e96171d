//! A directory of files in Parquet, one for each process: `BOOT/PID.parquet`. It gets its name when it is whole.

use super::file::ParquetFile;
use crate::error::MergeError;
use crate::plan::recording::Recording;
use crate::report::summary::Summary;
use crate::storage::directory::NewDirectory;
use crate::storage::output::Output;
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use rayon::ThreadPool;
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

/// The directory of processes of which it is not known on which machine they ran.
const UNKNOWN_BOOT: &str = "unknown";
/// The file that has the columns if no process has calls.
const NO_CALLS: &str = "no_calls.parquet";

/// A directory being written.
pub struct Dataset {
    path: PathBuf,
    directory: NewDirectory,
    schema: SchemaRef,
    /// The file that is being written, and the index of the process.
    current: Option<(usize, ParquetFile<Output>)>,
    /// How many files have each name: a process may have the id of one that ended before.
    names: HashMap<PathBuf, usize>,
}

impl Dataset {
    /// Begins the directory of this path, which must not exist, or be empty.
    pub fn create(path: &Path, schema: SchemaRef) -> Result<Dataset, MergeError> {
        let directory = NewDirectory::beside(path).map_err(|error| MergeError::Output(path.into(), error))?;
        Ok(Dataset { path: path.into(), directory, schema, current: None, names: HashMap::new() })
    }

    /// Adds calls of a process. Those of each process come together.
    pub fn add(
        &mut self,
        process: usize,
        recording: &Recording,
        pool: &ThreadPool,
        batch: RecordBatch,
    ) -> Result<(), MergeError> {
        if self.current.as_ref().is_none_or(|(of, _)| *of != process) {
            self.close(pool, None)?;
            let boot = recording.boot.id().unwrap_or_else(|| UNKNOWN_BOOT.to_owned());
            let name = Path::new(&boot).join(recording.pid.to_string());
            let count = self.names.entry(name.clone()).or_default();
            *count += 1;
            let suffix = if *count == 1 { String::new() } else { format!("-{count}") };
            let name = format!("{}{suffix}.parquet", name.display());
            self.current = Some((process, self.open(&name)?));
        }
        match &mut self.current {
            Some((_, file)) => file.add(pool, batch).map_err(|error| self.failed(error)),
            None => Ok(()),
        }
    }

    /// Gives the directory its name.
    pub fn finish(mut self, pool: &ThreadPool, summary: &Summary) -> Result<(), MergeError> {
        if self.names.is_empty() {
            self.current = Some((0, self.open(NO_CALLS)?));
        }
        self.close(pool, Some(summary.metadata()))?;
        self.directory.finish().map_err(|error| MergeError::Output(self.path, error))
    }

    fn open(&self, name: &str) -> Result<ParquetFile<Output>, MergeError> {
        let path = self.directory.path().join(name);
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory).map_err(|error| self.failed(error))?;
        }
        ParquetFile::new(Output::create(&path)?, &self.schema).map_err(|error| self.failed(error))
    }

    fn close(&mut self, pool: &ThreadPool, metadata: Option<String>) -> Result<(), MergeError> {
        let Some((_, file)) = self.current.take() else { return Ok(()) };
        let output = file.finish(pool, metadata).map_err(|error| self.failed(error))?;
        output.finish(false)
    }

    fn failed(&self, error: io::Error) -> MergeError {
        MergeError::Output(self.path.clone(), error)
    }
}
