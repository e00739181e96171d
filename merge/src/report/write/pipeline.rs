//! The pipeline that writes a report: workers decode, format and compress its parts, and write them in order.

use super::files::LoadedFiles;
use super::first;
use super::gzip::Gzip;
use super::missing::Missing;
use super::part::{Part, Reader, Scratch, parts};
use super::text::Text;
use super::writer::{Report, ReportEnd, Tail, Writer, WrittenPart, encoder};
use crate::error::{MergeError, Problem};
use crate::events::content::Content;
use crate::events::decode::Outcome;
use crate::events::selection::{FileSelection, Selected};
use crate::events::timeline::FileWindows;
use crate::parallel::lock::lock;
use crate::parallel::progress::{Stage, Watch};
use crate::parallel::reorder_buffer::in_order;
use crate::report::sources::Sources;
use crate::report::summary::Summary;
use crate::storage::output::Output;
use crate::text::display::display_name;
use rayon::ThreadPool;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// How often a file is needed for each of its parts: to write the part, and to go on behind it.
const USES_OF_PART: usize = 2;

/// The pipeline of one report.
pub struct Pipeline<'a> {
    /// The report.
    pub report: &'a Report<'a>,
    /// The workers.
    pub pool: &'a ThreadPool,
    /// The watcher, which may stop the work.
    pub watch: &'a dyn Watch,
    /// Whether the bytes are compressed.
    pub gzip: bool,
    /// What the first reading has found, if it was done before.
    pub windows: Option<&'a [FileWindows]>,
}

impl Pipeline<'_> {
    /// Writes the report with a writer, and counts in `summary` what went into it.
    pub fn write<W: Writer>(&self, writer: &W, output: &mut Output, summary: &mut Summary) -> Result<(), MergeError> {
        if self.report.selected.is_some() {
            summary.leave_out_estimates();
        }
        let mut tail = Tail { output, encoder: encoder(self.gzip), text: Text::default() };
        let sources = (W::SOURCES && self.report.source).then(Sources::default);
        let sources = sources.as_ref();
        let parts = self.parts(writer, sources, &mut tail, summary)?;
        for ((file, plan), (tasks, added)) in summary.files.iter_mut().zip(self.report.files).zip(&parts) {
            // Task 0 stands for calls outside of tasks.
            file.names = plan.names_count() + tasks.iter().filter(|task| **task != 0).count() as u64 + added;
        }
        let tasks: Vec<BTreeSet<u32>> = parts.into_iter().map(|(tasks, _)| tasks).collect();
        let end = ReportEnd { report: self.report, tasks: &tasks, summary, sources, watch: self.watch };
        writer.end(&end, &mut tail)?;
        summary.sources_left_out = sources.map(Sources::left_out).unwrap_or_default();
        tail.flush()
    }

    /// Writes all parts, and returns the tasks of each file that were in them, and how many events were added.
    fn parts<W: Writer>(
        &self,
        writer: &W,
        sources: Option<&Sources>,
        tail: &mut Tail<'_>,
        summary: &mut Summary,
    ) -> Result<Vec<(BTreeSet<u32>, u64)>, MergeError> {
        let files = self.report.files;
        let parts = parts(files);
        let is_nested = writer.is_nested(self.report) || self.report.selected.as_ref().is_some_and(Selected::is_nested);
        let windows = match self.windows {
            Some(known) => Cow::Borrowed(known),
            None => Cow::Owned(first::read(self.report, &parts, is_nested, self.pool, self.watch)?),
        };
        let files_of_parts = LoadedFiles::new(files.len(), &parts, USES_OF_PART);
        let spare = Mutex::default();
        let shared = Shared { writer, report: self.report, sources, windows, files: files_of_parts, spare };
        let total = files.iter().flat_map(|f| &f.calls).map(|c| u64::from(c.events)).sum();
        let planned = AtomicU64::new(0);
        let gzip = self.gzip;
        let local = || Worker { encoder: encoder(gzip), ..Worker::default() };
        let work = |worker: &mut Worker, index: usize| match parts.get(index) {
            Some(part) => FormattedPart { part: index, ..worker.format(&shared, part, index == 0) },
            None => FormattedPart::default(),
        };
        let mut tasks = vec![BTreeSet::new(); files.len()];
        let mut added = vec![0; files.len()];
        let take = |mut formatted: FormattedPart| {
            tail.output.write(formatted.text.as_bytes())?;
            planned.fetch_add(formatted.planned, Ordering::Relaxed);
            summary.add(formatted.file, &formatted.outcome);
            for missing in &formatted.missing {
                summary.add_overwritten_time(formatted.file, missing.thread, missing.overwritten_time());
            }
            tasks[formatted.file].append(&mut formatted.outcome.tasks);
            shared.give_back(formatted.text);
            if let Some(part) = parts.get(formatted.part) {
                let is_last = formatted.is_last;
                added[part.file] += shared.with(part, |opened| {
                    let written = WrittenPart { report: self.report, part, is_last, file: &opened.prepared };
                    writer.follow(&written, tail)
                })?;
                tail.flush_if_large()?;
            }
            if formatted.is_last {
                writer.close(self.report, formatted.file, tail)?;
                tail.flush()?;
            }
            Ok(())
        };
        let stopped = || {
            self.watch.progress(Stage::Writing, planned.load(Ordering::Relaxed), total);
            self.watch.stopped()
        };
        in_order(self.pool, parts.len(), stopped, local, work, take).map_err(MergeError::from)?;
        Ok(tasks.into_iter().zip(added).collect())
    }
}

/// The state that workers share.
struct Shared<'a, W: Writer> {
    writer: &'a W,
    report: &'a Report<'a>,
    /// Gathers the source files of functions, if their text is written.
    sources: Option<&'a Sources>,
    /// By file.
    windows: Cow<'a, [FileWindows]>,
    files: LoadedFiles<LoadedFile<W::File>>,
    /// Texts that were written and can be used again: fresh memory costs as much as filling it.
    spare: Mutex<Vec<Text>>,
}

/// The state of a file that workers need.
struct LoadedFile<F> {
    content: Result<Content, Problem>,
    prepared: F,
    selection: Option<FileSelection>,
}

impl<W: Writer> Shared<'_, W> {
    /// Calls `work` with what is needed of the part's file.
    fn with<R>(&self, part: &Part, work: impl FnOnce(&LoadedFile<W::File>) -> R) -> R {
        self.files.with(part, || self.load(part.file), work)
    }

    fn load(&self, file: usize) -> LoadedFile<W::File> {
        let plan = &self.report.files[file];
        let mut prepared = self.writer.file(plan);
        let mut selection = self.report.selected.as_ref().map(|selected| selected.file(file, plan));
        let content = Content::of(plan);
        if let Ok(content) = &content {
            content.functions(plan, |id, function| {
                let shown = self.report.prefixes.shown(&function);
                self.writer.function(&mut prepared, id, &shown);
                if let Some(sources) = self.sources {
                    sources.add(function.file, &shown);
                }
                if let (Some(selected), Some(selection)) = (&self.report.selected, &mut selection) {
                    selected.function(selection, id, &function, &display_name(&shown));
                }
            });
            if let Some(sources) = self.sources {
                content.sources(plan, |path, identity| sources.vouch(path, identity));
            }
        }
        LoadedFile { content, prepared, selection }
    }

    fn spare(&self) -> Text {
        lock(&self.spare).pop().unwrap_or_default()
    }

    fn give_back(&self, mut text: Text) {
        text.clear();
        lock(&self.spare).push(text);
    }

    fn reader<'b>(&'b self, part: &'b Part, opened: &'b LoadedFile<W::File>, scratch: &'b mut Scratch) -> Reader<'b> {
        let (plan, clock) = (&self.report.files[part.file], &self.report.alignment.clocks[part.file]);
        let (content, selection) = (&opened.content, opened.selection.as_ref());
        Reader { plan, clock, content, part, windows: self.windows.get(part.file), selection, scratch }
    }
}

/// The state that a worker keeps from part to part.
#[derive(Default)]
struct Worker {
    scratch: Scratch,
    encoder: Option<Gzip>,
    text: Text,
}

/// A part, ready to be written.
#[derive(Default)]
struct FormattedPart {
    file: usize,
    /// Its index among all parts.
    part: usize,
    text: Text,
    outcome: Outcome,
    /// What is missing of threads of which no earlier part has anything.
    missing: Vec<Missing>,
    /// How many events were expected, for the progress.
    planned: u64,
    /// Whether it is the last one of its file.
    is_last: bool,
}

impl Worker {
    fn format<W: Writer>(&mut self, shared: &Shared<'_, W>, part: &Part, begins: bool) -> FormattedPart {
        let mut text = std::mem::take(&mut self.text);
        if text.is_empty() && self.encoder.is_none() {
            text = shared.spare();
        }
        if begins {
            shared.writer.begin(shared.report, &mut text);
        }
        let scratch = &mut self.scratch;
        let (outcome, missing, planned, is_last) = shared.with(part, |opened| {
            let mut reader = shared.reader(part, opened, scratch);
            let outcome = shared.writer.part(&mut reader, &opened.prepared, &mut text);
            (outcome, reader.missing().collect(), reader.planned(), reader.is_last())
        });
        let text = self.encode(shared, text);
        FormattedPart { file: part.file, part: 0, text, outcome, missing, planned, is_last }
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
