//! What every kind of report does, and what it does it with.

use super::gzip::{Gzip, LEVEL};
use super::part::Reader;
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
use crate::report::sources::Sources;
use crate::report::sources::root::SourceRoot;
use crate::report::summary::Summary;
use crate::storage::output::Output;
use std::collections::{BTreeMap, BTreeSet};
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

    /// Where the source files of functions are gathered, if their text is written.
    fn sources(&self) -> Option<&Sources> {
        None
    }

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
    /// Where the text is looked for that no ring file vouches for.
    pub source_root: Option<&'a SourceRoot>,
    /// What is asked for, if that is not everything.
    pub selected: Option<Selected<'a>>,
    /// What is left out of the paths of source files.
    pub prefixes: &'a Prefixes,
}

/// What these tasks are called; the thread's own calls, which are of task 0, are none.
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

/// What compresses the report, if anything does.
pub fn encoder(gzip: bool) -> Option<Gzip> {
    gzip.then(|| Gzip::new(LEVEL))
}

/// What comes behind the parts, written as it grows.
pub struct Tail<'a> {
    pub(super) output: &'a mut Output,
    pub(super) encoder: Option<Gzip>,
    /// What was not written yet.
    pub text: Text,
}

impl Tail<'_> {
    /// Writes what there is, if it is worth it.
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
