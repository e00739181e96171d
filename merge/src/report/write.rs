//! Writes the report part by part: workers decode, format and compress runs of segments, and write them in order.
//!
//! A [`part`] is one run of one file, so its bytes depend on the files alone and never on the number of workers. What
//! workers need of its file (the open file, what the [`Writer`](writer::Writer) has prepared of it) they share.

mod arguments;
mod by_id;
mod calls;
mod collector;
mod csv;
mod files;
mod first;
mod folded;
mod format;
mod functions;
pub mod gzip;
mod html;
pub mod json;
mod lives;
mod missing;
mod numbered;
mod parquet;
mod part;
pub mod perfetto;
mod pipeline;
mod sides;
pub mod slowest;
mod speedscope;
mod spool;
pub mod tasks;
pub mod text;
pub mod top;
mod writer;

use crate::error::MergeError;
use crate::events::timeline::FileWindows;
use crate::parallel::progress::Watch;
use crate::report::functions::InternedFunctions;
use crate::report::summary::Summary;
use crate::storage::output::Output;
pub use calls::{CallReader, CallWindows};
pub use collector::CollectedFunctions;
use collector::Collector;
use csv::Csv;
use folded::Folded;
pub use format::{Format, is_output_name, output_kinds};
use functions::FunctionReport;
use html::Html;
pub use html::Served;
pub use html::tile::Tiler;
use json::Json;
use perfetto::Perfetto;
use pipeline::Pipeline;
use rayon::ThreadPool;
use regex::Regex;
pub use sides::Sides;
use slowest::{Slowest, SlowestReport};
use speedscope::Speedscope;
use std::path::Path;
use std::sync::Arc;
use tasks::{TaskReport, Tasks};
use top::Top;
pub use writer::Report;

impl Report<'_> {
    /// Writes the report, and counts in `summary` what went into it.
    pub fn write(
        &self,
        format: Format,
        pool: &ThreadPool,
        watch: &dyn Watch,
        output: &mut Output,
        summary: &mut Summary,
    ) -> Result<(), MergeError> {
        let pipeline = Pipeline { report: self, pool, watch, gzip: format.is_gzip(), windows: None };
        match format {
            Format::Json | Format::JsonGzip => pipeline.write(&Json::new(self.show_losses), output, summary),
            Format::Perfetto | Format::PerfettoGzip => {
                pipeline.write(&Perfetto::new(self.files, self.alignment), output, summary)
            }
            Format::Folded => pipeline.write(&Folded::new(output), output, summary),
            Format::Csv => pipeline.write(&FunctionReport::new(&Csv), output, summary),
            Format::Parquet => parquet::write_file(self, pool, watch, output, summary),
            Format::Html => pipeline.write(&Html::new(self, pool, watch)?, output, summary),
            Format::Speedscope | Format::SpeedscopeGzip => {
                let speedscope = Speedscope::new(self, pool, watch, output)?;
                pipeline.write(&speedscope, output, summary)
            }
        }
    }

    /// Writes the calls into a new directory, with a file in Parquet for each process.
    pub fn write_directory(
        &self,
        pool: &ThreadPool,
        watch: &dyn Watch,
        directory: &Path,
        summary: &mut Summary,
    ) -> Result<(), MergeError> {
        parquet::write_directory(self, pool, watch, directory, summary)
    }

    /// Prints the functions that took the most time.
    pub fn top(
        &self,
        top: Top,
        pool: &ThreadPool,
        watch: &dyn Watch,
        output: &mut Output,
        summary: &mut Summary,
    ) -> Result<(), MergeError> {
        let pipeline = Pipeline { report: self, pool, watch, gzip: false, windows: None };
        pipeline.write(&FunctionReport::new(&top), output, summary)
    }

    /// Prints the coroutines that took the most time.
    pub fn tasks(
        &self,
        tasks: Tasks,
        pool: &ThreadPool,
        watch: &dyn Watch,
        output: &mut Output,
        summary: &mut Summary,
    ) -> Result<(), MergeError> {
        let pipeline = Pipeline { report: self, pool, watch, gzip: false, windows: None };
        pipeline.write(&TaskReport::new(tasks), output, summary)
    }

    /// Prints the slowest calls of functions whose names match, or of all functions.
    pub fn slowest(
        &self,
        (slowest, pattern): (Slowest, Option<&Regex>),
        pool: &ThreadPool,
        watch: &dyn Watch,
        output: &mut Output,
        summary: &mut Summary,
    ) -> Result<(), MergeError> {
        let pipeline = Pipeline { report: self, pool, watch, gzip: false, windows: None };
        pipeline.write(&SlowestReport::new(slowest, pattern), output, summary)
    }

    /// Reads all parts once, and finds which calls are open around each.
    pub fn windows(&self, pool: &ThreadPool, watch: &dyn Watch) -> Result<Vec<FileWindows>, MergeError> {
        first::read(self, &part::parts(self.files), true, pool, watch)
    }

    /// The functions of all files, numbered as in a page.
    pub fn numbered(&self, pool: &ThreadPool, watch: &dyn Watch) -> Result<InternedFunctions, MergeError> {
        numbered::functions(self, pool, watch)
    }

    /// Writes a page to which a server adds more.
    pub fn served_page(
        &self,
        (interned, windows): (Arc<InternedFunctions>, &[FileWindows]),
        served: Served,
        pool: &ThreadPool,
        watch: &dyn Watch,
        output: &mut Output,
        summary: &mut Summary,
    ) -> Result<(), MergeError> {
        let pipeline = Pipeline { report: self, pool, watch, gzip: false, windows: Some(windows) };
        pipeline.write(&Html::served(interned, served), output, summary)
    }

    /// Collects the functions of all processes. Nothing is written to the output.
    pub fn functions(
        &self,
        pool: &ThreadPool,
        watch: &dyn Watch,
        output: &mut Output,
        summary: &mut Summary,
    ) -> Result<CollectedFunctions, MergeError> {
        let pipeline = Pipeline { report: self, pool, watch, gzip: false, windows: None };
        let collector = Collector::default();
        pipeline.write(&FunctionReport::new(&collector), output, summary)?;
        Ok(collector.take())
    }
}
