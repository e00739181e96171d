//! A file in Parquet, row group by row group.

use super::column::encode;
use super::layout;
use crate::report::write::calls::METADATA;
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::writer::SerializedFileWriter;
use rayon::ThreadPool;
use rayon::prelude::*;
use std::io::{self, Write};

/// Rows of a row group, at least: engines read row groups in parallel, and skip those that a filter leaves out.
const ROWS_PER_GROUP: usize = 1 << 18;

/// A file being written.
pub struct ParquetFile<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    /// The batches of the next row group.
    batches: Vec<RecordBatch>,
    rows: usize,
}

impl<W: Write + Send> ParquetFile<W> {
    /// Begins a file.
    pub fn new(to: W, schema: &SchemaRef) -> io::Result<ParquetFile<W>> {
        let columns = layout::columns(schema).map_err(plain)?;
        let writer = SerializedFileWriter::new(to, columns, layout::properties(schema)).map_err(plain)?;
        Ok(ParquetFile { writer, batches: Vec::new(), rows: 0 })
    }

    /// Adds a batch.
    pub fn add(&mut self, pool: &ThreadPool, batch: RecordBatch) -> io::Result<()> {
        self.rows += batch.num_rows();
        self.batches.push(batch);
        if self.rows < ROWS_PER_GROUP { Ok(()) } else { self.flush(pool) }
    }

    /// Ends the file, which gets the metadata of a report, and returns what it was written to.
    pub fn finish(mut self, pool: &ThreadPool, metadata: Option<String>) -> io::Result<W> {
        self.flush(pool)?;
        let metadata = metadata.map(|metadata| KeyValue::new(METADATA.to_owned(), metadata));
        metadata.into_iter().for_each(|metadata| self.writer.append_key_value_metadata(metadata));
        self.writer.into_inner().map_err(plain)
    }

    fn flush(&mut self, pool: &ThreadPool) -> io::Result<()> {
        if self.batches.is_empty() {
            return Ok(());
        }
        let (batches, properties) = (std::mem::take(&mut self.batches), self.writer.properties());
        let columns = self.writer.schema_descr().columns();
        let encoded: Vec<_> = pool.install(|| {
            let columns = columns.par_iter().enumerate().map(|(index, column)| {
                let parts: Vec<_> = batches.iter().map(|batch| batch.column(index)).collect();
                encode(column, properties, &parts)
            });
            columns.collect()
        });
        self.rows = 0;
        let mut group = self.writer.next_row_group().map_err(plain)?;
        for column in encoded {
            let (bytes, closed) = column.map_err(plain)?;
            group.append_column(&bytes, closed).map_err(plain)?;
        }
        group.close().map(drop).map_err(plain)
    }
}

/// The error of the system that is in an error of the library, if there is one.
fn plain(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(error) => match error.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(error) => io::Error::other(error),
        },
        error => io::Error::other(error),
    }
}
