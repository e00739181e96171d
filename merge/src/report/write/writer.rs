//! The interface of every kind of report.

use super::gzip::{Gzip, LEVEL};
use super::part::{Part, Reader};
use super::sides::Sides;
use super::text::Text;
use crate::align::Alignment;
use crate::error::MergeError;
use crate::events::content::ring;
use crate::events::decode::Outcome;
use crate::events::selection::Selected;
use crate::parallel::progress::Watch;
use crate::plan::file::FilePlan;
use crate::plan::names;
use crate::report::prefixes::Prefixes;
use crate::report::sources::root::SourceRoot;
use crate::report::sources::{SourceFile, Sources};
use crate::report::summary::Summary;
use crate::storage::output::Output;
use std::collections::{BTreeMap, BTreeSet};
use viztracer_format::names::Function;

/// Text that is collected before it is written, after the parts.
const TAIL_MAX: usize = 1 << 20;

/// A kind of report: what stands before the parts, in them, and behind them.
pub trait Writer: Sync {
    /// The state that is prepared for all parts of a file.
    type File: Send + Sync;

    /// Whether parts are read as stack events, with calls nested and in the order of time.
    const NESTED: bool;

    /// Whether the parts of this report are read so.
    fn is_nested(&self, _report: &Report<'_>) -> bool {
        Self::NESTED
    }

    /// Whether the text of the program's source files can be a part of the report.
    const SOURCES: bool = false;

    /// Begins to prepare a file.
    fn file(&self, plan: &FilePlan) -> Self::File;

    /// Prepares a function of the file.
    fn function(&self, file: &mut Self::File, id: u32, function: &Function<'_>);

    /// Writes what stands before the first part.
    fn begin(&self, report: &Report<'_>, text: &mut Text);

    /// Writes a part.
    fn part(&self, reader: &mut Reader<'_>, file: &Self::File, text: &mut Text) -> Outcome;

    /// Goes on behind a part that is written, and returns how many events that adds. Parts come in order.
    fn follow(&self, _part: &WrittenPart<'_, Self::File>, _tail: &mut Tail<'_>) -> Result<u64, MergeError> {
        Ok(0)
    }

    /// Writes what stands behind the parts of a file. Files come in order.
    fn close(&self, _report: &Report<'_>, _file: usize, _tail: &mut Tail<'_>) -> Result<(), MergeError> {
        Ok(())
    }

    /// Writes what stands behind the last part.
    fn end(&self, end: &ReportEnd<'_>, tail: &mut Tail<'_>) -> Result<(), MergeError>;
}

/// A part that is written.
pub struct WrittenPart<'a, F> {
    /// What the report is made of.
    pub report: &'a Report<'a>,
    /// Which part it is.
    pub part: &'a Part,
    /// Whether it is the last one of its file.
    pub is_last: bool,
    /// What was prepared of its file.
    pub file: &'a F,
}

/// What is known when all parts of a report are written.
pub struct ReportEnd<'a> {
    /// What the report is made of.
    pub report: &'a Report<'a>,
    /// By file, the asyncio tasks that were in the parts.
    pub tasks: &'a [BTreeSet<u32>],
    /// What the parts came to.
    pub summary: &'a Summary,
    /// The source files of the functions, if their text is written.
    pub sources: Option<&'a Sources>,
    /// May stop the writing.
    pub watch: &'a dyn Watch,
}

impl ReportEnd<'_> {
    /// Writes each source file whose text is found by `put`: the file's name in the report, the file itself, and its
    /// text with the number of its lines, as JSON.
    pub fn put_sources(
        &self,
        tail: &mut Tail<'_>,
        mut put: impl FnMut(String, SourceFile, &[u8], &mut Text),
    ) -> Result<(), MergeError> {
        let Some(sources) = self.sources else { return Ok(()) };
        sources.take(self.report.files, self.report.source_root, |shown, file, text| {
            if let Some(text) = text {
                put(shown, file, &text, &mut tail.text);
            }
            self.flush_if_large(tail)
        })
    }

    /// Writes the tail if it is large. Between two calls of this function only a bounded time may pass: it ends the
    /// work with an error if the watcher asks for that.
    pub fn flush_if_large(&self, tail: &mut Tail<'_>) -> Result<(), MergeError> {
        tail.flush_if_large()?;
        if self.watch.stopped() { Err(MergeError::Interrupted) } else { Ok(()) }
    }
}

/// The data that a report is made of.
#[derive(Debug)]
pub struct Report<'a> {
    /// The files, in order.
    pub files: &'a [FilePlan],
    /// Their clocks.
    pub alignment: &'a Alignment,
    /// Whether the text of source files is added.
    pub source: bool,
    /// Whether a trace in JSON has events that show where events are missing.
    pub show_losses: bool,
    /// A directory with source files that no ring file vouches for.
    pub source_root: Option<&'a SourceRoot>,
    /// The selection, unless it leaves nothing out.
    pub selected: Option<Selected<'a>>,
    /// Directories that are removed from the paths of source files.
    pub prefixes: &'a Prefixes,
    /// The sides, if a page compares runs.
    pub sides: Option<&'a Sides>,
}

/// The names of these tasks. Task 0 stands for calls outside of tasks, and has no name.
pub fn task_names(plan: &FilePlan, tasks: &BTreeSet<u32>) -> BTreeMap<u32, String> {
    let mut shown: BTreeMap<u32, Option<String>> = tasks.iter().map(|serial| (*serial, None)).collect();
    shown.remove(&0);
    for (serial, name) in &plan.tasks {
        shown.entry(*serial).and_modify(|shown| *shown = Some(name.clone()));
    }
    if let Some(input) = (!shown.is_empty() && plan.imported().is_none()).then(|| ring(plan).ok()).flatten() {
        names::tasks(&input, &plan.names, |serial, name| {
            shown.entry(serial).and_modify(|shown| *shown = Some(name.to_owned()));
        });
    }
    let shown = shown.into_iter();
    shown.map(|(serial, name)| (serial, name.unwrap_or_else(|| format!("task {serial}")))).collect()
}

/// The compressor of the report, if it is compressed.
pub fn encoder(gzip: bool) -> Option<Gzip> {
    gzip.then(|| Gzip::new(LEVEL))
}

/// The text behind the parts, written as it grows.
pub struct Tail<'a> {
    pub(super) output: &'a mut Output,
    pub(super) encoder: Option<Gzip>,
    /// The text that was not written yet.
    pub text: Text,
}

impl Tail<'_> {
    /// Writes the text if it is large.
    pub fn flush_if_large(&mut self) -> Result<(), MergeError> {
        if self.text.len() < TAIL_MAX { Ok(()) } else { self.flush() }
    }

    pub(super) fn flush(&mut self) -> Result<(), MergeError> {
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
