//! The report, part after part: workers decode, format and compress runs of segments, and write them in order.
//!
//! A [`part`] is one run of one file, so its bytes depend on the files alone and never on the number of workers. What
//! workers need of its file (the open file, what the [`Writer`] has prepared of it) they share.

mod by_id;
mod csv;
mod files;
mod first;
mod folded;
mod format;
mod functions;
pub mod gzip;
mod html;
pub mod json;
mod members;
mod missing;
mod numbered;
mod part;
pub mod perfetto;
mod speedscope;
pub mod text;
pub mod top;

use crate::align::Alignment;
use crate::content::Content;
use crate::content::ring;
use crate::decode::Outcome;
use crate::display::display_name;
use crate::error::{MergeError, Problem};
use crate::lock::lock;
use crate::names;
use crate::output::Output;
use crate::plan::FilePlan;
use crate::prefixes::Prefixes;
use crate::progress::{Step, Watch};
use crate::selection::{FileSelection, Selected};
use crate::summary::Summary;
use crate::timeline::FileWindows;
use crate::window::in_order;
use csv::Csv;
use files::Files;
use folded::Folded;
pub use format::Format;
use functions::Functions;
use gzip::Gzip;
use html::Html;
use json::Json;
use part::{Part, Reader, Scratch, parts};
use perfetto::Perfetto;
use rayon::ThreadPool;
use speedscope::Speedscope;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use text::Text;
use top::Top;
use viztracer_format::names::Function;

/// Text that is collected before it is written, after the parts.
const TAIL_MAX: usize = 1 << 20;

/// A kind of report: what stands before the parts, in them, and behind them.
pub trait Writer: Sync {
    /// What it prepares of a file, for all of its parts.
    type File: Send + Sync;

    /// Whether parts are read as steps, calls nested and in the order of time, and not as moments.
    const NESTED: bool;

    /// Begins to prepare a file.
    fn file(&self, plan: &FilePlan) -> Self::File;

    /// Prepares a function of the file.
    fn function(&self, file: &mut Self::File, id: u32, function: &Function<'_>);

    /// Told of every function's source file, which may be called otherwise in the report.
    fn source(&self, _path: &str, _shown: &Function<'_>) {}

    /// Writes what stands before the first part.
    fn begin(&self, report: &Report<'_>, text: &mut Text);

    /// Writes a part.
    fn part(&self, reader: &mut Reader<'_>, file: &Self::File, text: &mut Text) -> Outcome;

    /// Told of each file in order, when all of its parts are written; what it writes stands behind them.
    fn close(&self, _report: &Report<'_>, _file: usize, _tail: &mut Tail<'_>) -> Result<(), MergeError> {
        Ok(())
    }

    /// Writes what stands behind the last part. `tasks` are, by file, the asyncio tasks that were in the parts.
    fn end(
        &self,
        report: &Report<'_>,
        tasks: &[BTreeSet<u32>],
        summary: &Summary,
        watch: &dyn Watch,
        tail: &mut Tail<'_>,
    ) -> Result<(), MergeError>;
}

/// All that a report is made of.
#[derive(Debug)]
pub struct Report<'a> {
    /// The files, in order.
    pub files: &'a [FilePlan],
    /// Their clocks.
    pub alignment: &'a Alignment,
    /// Whether the program's text is added.
    pub source: bool,
    /// What is asked for, if that is not everything.
    pub selected: Option<Selected<'a>>,
    /// What is left out of the paths of source files.
    pub prefixes: &'a Prefixes,
}

impl Report<'_> {
    /// Writes the report and tells in `summary` what went into it.
    pub fn write(
        &self,
        format: Format,
        pool: &ThreadPool,
        watch: &dyn Watch,
        output: &mut Output,
        summary: &mut Summary,
    ) -> Result<(), MergeError> {
        let run = Run { report: self, pool, watch, gzip: format.is_gzip() };
        match format {
            Format::Json | Format::JsonGzip => run.write(&Json::new(self.source), output, summary),
            Format::Perfetto | Format::PerfettoGzip => run.write(&Perfetto::new(self.files), output, summary),
            Format::Folded => run.write(&Folded::default(), output, summary),
            Format::Csv => run.write(&Functions::new(Csv), output, summary),
            Format::Html => run.write(&Html::new(self, pool, watch)?, output, summary),
            Format::Speedscope | Format::SpeedscopeGzip => {
                let speedscope = Speedscope::new(self, pool, watch, output)?;
                run.write(&speedscope, output, summary)
            }
        }
    }

    /// Prints the functions that cost most.
    pub fn top(
        &self,
        top: Top,
        pool: &ThreadPool,
        watch: &dyn Watch,
        output: &mut Output,
        summary: &mut Summary,
    ) -> Result<(), MergeError> {
        let run = Run { report: self, pool, watch, gzip: false };
        run.write(&Functions::new(top), output, summary)
    }
}

/// What these tasks are called; the thread's own calls, which are of task 0, are none.
fn task_names(plan: &FilePlan, tasks: &BTreeSet<u32>) -> BTreeMap<u32, String> {
    let mut shown: BTreeMap<u32, Option<String>> = tasks.iter().map(|serial| (*serial, None)).collect();
    shown.remove(&0);
    if let Some(input) = (!shown.is_empty()).then(|| ring(plan).ok()).flatten() {
        names::tasks(&input, &plan.names, |serial, name| {
            shown.entry(serial).and_modify(|shown| *shown = Some(name.to_owned()));
        });
    }
    let shown = shown.into_iter();
    shown.map(|(serial, name)| (serial, name.unwrap_or_else(|| format!("task {serial}")))).collect()
}

/// The writing of one report.
struct Run<'a> {
    report: &'a Report<'a>,
    pool: &'a ThreadPool,
    watch: &'a dyn Watch,
    /// Whether the bytes are compressed.
    gzip: bool,
}

impl Run<'_> {
    fn write<W: Writer>(&self, writer: &W, output: &mut Output, summary: &mut Summary) -> Result<(), MergeError> {
        let mut tail = Tail { output, encoder: encoder(self.gzip), text: Text::default() };
        let tasks = self.parts(writer, &mut tail, summary)?;
        writer.end(self.report, &tasks, summary, self.watch, &mut tail)?;
        tail.flush()
    }

    /// Writes all parts; tells, by file, which tasks were in them.
    fn parts<W: Writer>(
        &self,
        writer: &W,
        tail: &mut Tail<'_>,
        summary: &mut Summary,
    ) -> Result<Vec<BTreeSet<u32>>, MergeError> {
        let files = self.report.files;
        let parts = parts(files);
        let is_nested = W::NESTED || self.report.selected.as_ref().is_some_and(Selected::is_nested);
        let windows = first::read(self.report, &parts, is_nested, self.pool, self.watch)?;
        let files_of_parts = Files::new(files.len(), &parts);
        let spare = Mutex::default();
        let shared = Shared { writer, report: self.report, is_nested, windows, files: files_of_parts, spare };
        let total = files.iter().flat_map(|f| &f.calls).map(|c| u64::from(c.events)).sum();
        let planned = AtomicU64::new(0);
        let gzip = self.gzip;
        let local = || Worker { encoder: encoder(gzip), ..Worker::default() };
        let work = |worker: &mut Worker, index: usize| match parts.get(index) {
            Some(part) => worker.format(&shared, part, index == 0),
            None => Finished::default(),
        };
        let mut tasks = vec![BTreeSet::new(); files.len()];
        let take = |mut finished: Finished| {
            tail.output.write(finished.text.as_bytes())?;
            planned.fetch_add(finished.planned, Ordering::Relaxed);
            summary.add(finished.file, &finished.outcome);
            tasks[finished.file].append(&mut finished.outcome.tasks);
            shared.give_back(finished.text);
            if finished.is_last {
                writer.close(self.report, finished.file, tail)?;
                tail.flush()?;
            }
            Ok(())
        };
        let stopped = || {
            self.watch.progress(Step::Writing, planned.load(Ordering::Relaxed), total);
            self.watch.stopped()
        };
        in_order(self.pool, parts.len(), stopped, local, work, take).map_err(MergeError::from)?;
        Ok(tasks)
    }
}

fn encoder(gzip: bool) -> Option<Gzip> {
    gzip.then(|| Gzip::new(gzip::LEVEL))
}

/// What workers share.
struct Shared<'a, W: Writer> {
    writer: &'a W,
    report: &'a Report<'a>,
    /// Whether parts are read as steps.
    is_nested: bool,
    /// By file.
    windows: Vec<FileWindows>,
    files: Files<Opened<W::File>>,
    /// Texts that were written and can be used again: fresh memory costs as much as filling it.
    spare: Mutex<Vec<Text>>,
}

/// What workers need of a file.
struct Opened<F> {
    content: Result<Content, Problem>,
    prepared: F,
    selection: Option<FileSelection>,
}

impl<W: Writer> Shared<'_, W> {
    /// Calls `work` with what is needed of the part's file.
    fn with<R>(&self, part: &Part, work: impl FnOnce(&Opened<W::File>) -> R) -> R {
        self.files.with(part, || self.load(&self.report.files[part.file]), work)
    }

    fn load(&self, plan: &FilePlan) -> Opened<W::File> {
        let mut prepared = self.writer.file(plan);
        let mut selection = self.report.selected.as_ref().map(|selected| selected.file(plan));
        let content = Content::of(plan);
        if let Ok(content) = &content {
            content.functions(plan, |id, function| {
                let shown = self.report.prefixes.shown(&function);
                self.writer.function(&mut prepared, id, &shown);
                self.writer.source(function.file, &shown);
                if let (Some(selected), Some(selection)) = (&self.report.selected, &mut selection) {
                    selected.function(selection, id, &function, &display_name(&shown));
                }
            });
        }
        Opened { content, prepared, selection }
    }

    fn spare(&self) -> Text {
        lock(&self.spare).pop().unwrap_or_default()
    }

    fn give_back(&self, mut text: Text) {
        text.clear();
        lock(&self.spare).push(text);
    }

    fn reader<'b>(&'b self, part: &'b Part, opened: &'b Opened<W::File>, scratch: &'b mut Scratch) -> Reader<'b> {
        let (plan, clock) = (&self.report.files[part.file], &self.report.alignment.clocks[part.file]);
        let (content, selection) = (&opened.content, opened.selection.as_ref());
        Reader {
            plan,
            clock,
            content,
            part,
            is_nested: self.is_nested,
            windows: self.windows.get(part.file),
            selection,
            scratch,
        }
    }
}

/// What a worker keeps from part to part.
#[derive(Default)]
struct Worker {
    scratch: Scratch,
    encoder: Option<Gzip>,
    text: Text,
}

/// A part, ready to be written.
#[derive(Default)]
struct Finished {
    file: usize,
    text: Text,
    outcome: Outcome,
    /// Events that were expected, to tell the progress by.
    planned: u64,
    /// Whether it is the last one of its file.
    is_last: bool,
}

impl Worker {
    fn format<W: Writer>(&mut self, shared: &Shared<'_, W>, part: &Part, begins: bool) -> Finished {
        let mut text = std::mem::take(&mut self.text);
        if text.is_empty() && self.encoder.is_none() {
            text = shared.spare();
        }
        if begins {
            shared.writer.begin(shared.report, &mut text);
        }
        let scratch = &mut self.scratch;
        let (outcome, planned, is_last) = shared.with(part, |opened| {
            let mut reader = shared.reader(part, opened, scratch);
            let outcome = shared.writer.part(&mut reader, &opened.prepared, &mut text);
            (outcome, reader.planned(), reader.is_last())
        });
        let text = self.encode(shared, text);
        Finished { file: part.file, text, outcome, planned, is_last }
    }

    fn encode<W: Writer>(&mut self, shared: &Shared<'_, W>, mut text: Text) -> Text {
        let Some(gzip) = &mut self.encoder else { return text };
        let mut member = shared.spare();
        if !text.is_empty() {
            member.put(gzip.member(text.as_bytes()));
        }
        text.clear();
        self.text = text;
        member
    }
}

/// What comes behind the parts, written as it grows.
pub struct Tail<'a> {
    output: &'a mut Output,
    encoder: Option<Gzip>,
    /// What was not written yet.
    pub text: Text,
}

impl Tail<'_> {
    /// Writes what there is, if it is worth it.
    pub fn flush_if_large(&mut self) -> Result<(), MergeError> {
        if self.text.len() < TAIL_MAX { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> Result<(), MergeError> {
        if self.text.is_empty() {
            return Ok(());
        }
        match &mut self.encoder {
            Some(gzip) => self.output.write(gzip.member(self.text.as_bytes()))?,
            None => self.output.write(self.text.as_bytes())?,
        }
        self.text.clear();
        Ok(())
    }
}
