//! Reads the next calls of a report, a few parts at once.

use super::carried::{Carried, Inherited};
use super::columns::Columns;
use super::names::FileNames;
use super::rows::Rows;
use super::schema::{before_reading, schema};
use crate::error::{MergeError, Problem};
use crate::events::content::Content;
use crate::events::decode::Outcome;
use crate::events::selection::FileSelection;
use crate::events::timeline::FileWindows;
use crate::parallel::lock::lock;
use crate::parallel::progress::Watch;
use crate::report::summary::Summary;
use crate::report::write::files::LoadedFiles;
use crate::report::write::first;
use crate::report::write::missing::Missing;
use crate::report::write::part::{Part, Reader, Scratch, parts};
use crate::report::write::writer::Report;
use crate::text::display::display_name;
use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, SchemaRef};
use rayon::ThreadPool;
use rayon::prelude::*;
use std::sync::{Arc, Mutex};

/// How many parts each worker decodes, on average, before the reader gives out what they hold, about 1 MB each. While
/// the last of them is decoded, the other workers wait.
const PARTS_PER_WORKER: usize = 8;
/// Room is made for so many calls of a part at most, before it is known that they are there.
const ROWS_EXPECTED: u64 = 1 << 15;

/// Reads the calls of a report in order.
pub struct CallReader {
    schema: SchemaRef,
    /// What `start_ns` is at the report's zero.
    begin: i64,
    parts: Vec<Part>,
    /// The next part.
    next: usize,
    files: LoadedFiles<LoadedFile>,
    carried: Carried,
    spare: Mutex<Vec<Scratch>>,
    summary: Summary,
    planned: u64,
}

/// Which calls are open around each part of a report. All readers of the report can share them.
pub struct CallWindows(Vec<FileWindows>);

/// The state of a file that workers need.
struct LoadedFile {
    content: Result<Content, Problem>,
    names: FileNames,
    selection: Option<FileSelection>,
}

/// What was decoded of a part.
struct Decoded {
    rows: Rows,
    columns: Columns,
    outcome: Outcome,
    missing: Vec<Missing>,
    planned: u64,
}

/// A part whose calls do not know those of earlier parts yet.
struct Unsettled {
    file: usize,
    rows: Rows,
    columns: Columns,
    inherited: Inherited,
}

impl CallWindows {
    /// Reads all parts of a report once.
    pub fn read(report: &Report<'_>, pool: &ThreadPool, watch: &dyn Watch) -> Result<CallWindows, MergeError> {
        first::read(report, &parts(report.files), true, pool, watch).map(CallWindows)
    }
}

impl CallReader {
    /// Prepares to read the calls of a report, whose summary says what is known before that.
    pub fn new(report: &Report<'_>, mut summary: Summary) -> CallReader {
        if report.selected.is_some() {
            summary.leave_out_estimates();
        }
        let begin = i64::try_from(report.alignment.base_realtime).unwrap_or(0);
        let parts = parts(report.files);
        let files = LoadedFiles::new(report.files.len(), &parts, 1);
        let schema = schema(begin, before_reading(&summary.metadata()));
        let (next, carried, spare) = (0, Carried::default(), Mutex::default());
        CallReader { schema, begin, parts, next, files, carried, spare, summary, planned: 0 }
    }

    /// The columns of all batches.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// What was read so far, and what was missing.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// What was read, and what was missing.
    pub fn into_summary(self) -> Summary {
        self.summary
    }

    /// How many events were read so far, as far as their files say.
    pub fn planned(&self) -> u64 {
        self.planned
    }

    /// Whether all calls were read.
    pub fn is_at_end(&self) -> bool {
        self.next >= self.parts.len()
    }

    /// Reads the next batches, each with the index of its file. There may be none before the end.
    pub fn read(
        &mut self,
        report: &Report<'_>,
        windows: &CallWindows,
        pool: &ThreadPool,
    ) -> Result<Vec<(usize, RecordBatch)>, ArrowError> {
        let end = self.parts.len().min(self.next + pool.current_num_threads() * PARTS_PER_WORKER);
        let parts = &self.parts[self.next..end];
        let decoded: Vec<Result<Decoded, ArrowError>> =
            pool.install(|| parts.par_iter().map(|part| self.decode(report, windows, part)).collect());
        let mut unsettled = Vec::with_capacity(decoded.len());
        for (part, decoded) in (self.next..).zip(decoded) {
            unsettled.extend(self.take(self.parts[part].file, decoded?));
        }
        self.next = end;
        let settle = |unsettled: Unsettled| unsettled.settle(&self.schema, self.begin);
        pool.install(|| unsettled.into_par_iter().map(settle).collect())
    }

    fn decode(&self, report: &Report<'_>, windows: &CallWindows, part: &Part) -> Result<Decoded, ArrowError> {
        let mut scratch = lock(&self.spare).pop().unwrap_or_default();
        let decoded = self.files.with(
            part,
            || LoadedFile::of(report, part.file),
            |file| {
                let mut reader = Reader {
                    plan: &report.files[part.file],
                    clock: &report.alignment.clocks[part.file],
                    content: &file.content,
                    part,
                    windows: windows.0.get(part.file),
                    selection: file.selection.as_ref(),
                    scratch: &mut scratch,
                };
                let mut rows = Rows::with_capacity(reader.planned().min(ROWS_EXPECTED) as usize);
                let outcome = reader.stack_events(|event, open| rows.take(&file.names, event, open));
                rows.finish();
                let (missing, planned) = (reader.missing().collect(), reader.planned());
                let columns = Columns::of(&mut rows, &file.names)?;
                Ok(Decoded { rows, columns, outcome, missing, planned })
            },
        );
        lock(&self.spare).push(scratch);
        decoded
    }

    /// Takes what was decoded of the next part. A part without calls gives no batch.
    fn take(&mut self, file: usize, decoded: Decoded) -> Option<Unsettled> {
        let Decoded { rows, columns, outcome, missing, planned } = decoded;
        self.planned += planned;
        self.summary.add(file, &outcome);
        for missing in &missing {
            self.summary.add_overwritten_time(file, missing.thread, missing.overwritten_time());
        }
        let inherited = self.carried.next(file, &rows);
        (rows.len() > 0).then_some(Unsettled { file, rows, columns, inherited })
    }
}

impl Unsettled {
    fn settle(mut self, schema: &SchemaRef, begin: i64) -> Result<(usize, RecordBatch), ArrowError> {
        self.inherited.settle(&mut self.rows);
        let batch = RecordBatch::try_new(Arc::clone(schema), self.columns.with(self.rows, begin))?;
        Ok((self.file, batch))
    }
}

impl LoadedFile {
    fn of(report: &Report<'_>, file: usize) -> LoadedFile {
        let plan = &report.files[file];
        let content = Content::of(plan);
        let mut names = FileNames::of(plan, content.as_ref().ok());
        let mut selection = report.selected.as_ref().map(|selected| selected.file(file, plan));
        if let Ok(content) = &content {
            content.functions(plan, |id, function| {
                let shown = report.prefixes.shown(&function);
                names.add(id, &shown);
                if let (Some(selected), Some(selection)) = (&report.selected, &mut selection) {
                    selected.function(selection, id, &function, &display_name(&shown));
                }
            });
        }
        LoadedFile { content, names, selection }
    }
}
