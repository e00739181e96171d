//! Calls as a file in Parquet, or as a directory with a file for each process. The layout is that of [`calls`](super::calls).
//!
//! Row groups are made of the batches that come, so memory does not grow with the trace. Workers encode the columns of a
//! row group in parallel, and the finished columns are then put into the file.

mod column;
mod dataset;
mod file;
mod layout;

use super::calls::{CallReader, CallWindows};
use super::writer::Report;
use crate::error::MergeError;
use crate::parallel::progress::{Stage, Watch};
use crate::report::summary::Summary;
use crate::storage::output::Output;
use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use dataset::Dataset;
use file::ParquetFile;
use rayon::ThreadPool;
use std::io;
use std::path::Path;

/// Writes the calls of a report into one file.
pub fn write_file(
    report: &Report<'_>,
    pool: &ThreadPool,
    watch: &dyn Watch,
    output: &mut Output,
    summary: &mut Summary,
) -> Result<(), MergeError> {
    let path = output.path().to_path_buf();
    let failed = |error: io::Error| MergeError::Output(path.clone(), error);
    let mut reader = CallReader::new(report, std::mem::take(summary));
    let mut file = ParquetFile::new(output, &reader.schema()).map_err(failed)?;
    read(report, &mut reader, pool, watch, &path, |_, batch| file.add(pool, batch).map_err(failed))?;
    *summary = reader.into_summary();
    file.finish(pool, Some(summary.metadata())).map(drop).map_err(failed)
}

/// Writes the calls of a report into a new directory, with a file for each process that has some.
pub fn write_directory(
    report: &Report<'_>,
    pool: &ThreadPool,
    watch: &dyn Watch,
    directory: &Path,
    summary: &mut Summary,
) -> Result<(), MergeError> {
    let mut reader = CallReader::new(report, std::mem::take(summary));
    let mut dataset = Dataset::create(directory, reader.schema())?;
    let add = |file: usize, batch| dataset.add(file, &report.files[file].recording, pool, batch);
    read(report, &mut reader, pool, watch, directory, add)?;
    *summary = reader.into_summary();
    summary.check_selected()?;
    dataset.finish(pool, summary)
}

/// Calls `each` with all batches, and with the file that each is of.
fn read(
    report: &Report<'_>,
    reader: &mut CallReader,
    pool: &ThreadPool,
    watch: &dyn Watch,
    path: &Path,
    mut each: impl FnMut(usize, RecordBatch) -> Result<(), MergeError>,
) -> Result<(), MergeError> {
    let windows = CallWindows::read(report, pool, watch)?;
    let total = report.files.iter().flat_map(|f| &f.calls).map(|c| u64::from(c.events)).sum();
    let failed = |error: ArrowError| MergeError::Output(path.into(), io::Error::other(error));
    while !reader.is_at_end() {
        watch.progress(Stage::Writing, reader.planned(), total);
        if watch.stopped() {
            return Err(MergeError::Interrupted);
        }
        let batches = reader.read(report, &windows, pool).map_err(failed)?;
        batches.into_iter().try_for_each(|(file, batch)| each(file, batch))?;
    }
    Ok(())
}
