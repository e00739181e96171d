//! Coroutines by function, as a table for a terminal or in Markdown, or as JSON: how often each was called, how long that
//! took, and how much of it was awaiting.
//!
//! A call that never awaits looks like that of any other function. So calls in one piece are counted for all functions in
//! tasks, and left out at the end if no call of the function awaited.

mod counts;
mod document;
mod table;

use super::lives::{Lives, are_known};
use super::part::Reader;
use super::slowest::FileFunctions;
use super::text::Text;
use super::top::Style;
use super::writer::{Report, ReportEnd, Tail, Writer, WrittenPart};
use crate::error::MergeError;
use crate::events::decode::Outcome;
use crate::parallel::lock::lock;
use crate::plan::file::FilePlan;
use crate::report::functions::{InternedFunctions, Sort};
use counts::Counts;
use regex::Regex;
use std::sync::Mutex;
use table::Rows;
use viztracer_format::names::Function;

/// Which coroutines are printed, and how.
#[derive(Clone, Copy, Debug)]
pub struct Tasks {
    /// How many functions.
    pub rows: usize,
    /// The column that they are sorted by; the sum of latencies if none is asked for.
    pub sort: Option<Sort>,
    pub style: Style,
}

/// Counts and prints coroutines.
#[derive(Debug)]
pub struct TaskReport {
    tasks: Tasks,
    interned: Mutex<InternedFunctions>,
    lives: Lives,
    counts: Mutex<Counts>,
}

impl TaskReport {
    /// For this table.
    pub fn new(tasks: Tasks) -> TaskReport {
        TaskReport { tasks, interned: Mutex::default(), lives: Lives::default(), counts: Mutex::default() }
    }
}

/// The functions of a file are all of interest.
const ALL: Option<&Regex> = None;

impl Writer for TaskReport {
    type File = FileFunctions;
    const NESTED: bool = true;

    fn file(&self, _: &FilePlan) -> FileFunctions {
        FileFunctions::new(&mut lock(&self.interned), ALL)
    }

    fn function(&self, file: &mut FileFunctions, id: u32, function: &Function<'_>) {
        file.add(id, function, &mut lock(&self.interned), ALL);
    }

    fn begin(&self, _: &Report<'_>, _: &mut Text) {}

    fn part(&self, reader: &mut Reader<'_>, _: &FileFunctions, _: &mut Text) -> Outcome {
        if reader.is_first() && reader.plan.may_have_tasks() {
            lock(&self.counts).file(are_known(reader), reader.plan.tells_awaits());
        }
        self.lives.stack_events(reader, |_, _| {})
    }

    fn follow(&self, written: &WrittenPart<'_, FileFunctions>, _: &mut Tail<'_>) -> Result<u64, MergeError> {
        let (lives, singles) = self.lives.follow(written);
        let mut counts = lock(&self.counts);
        let number = |id| written.file.matching(id).map_or(0, |index| written.file.number(index));
        lives.iter().for_each(|life| counts.life(life, number));
        singles.iter().for_each(|single| counts.single(single, number(single.function)));
        Ok(0)
    }

    fn end(&self, end: &ReportEnd<'_>, tail: &mut Tail<'_>) -> Result<(), MergeError> {
        let (interned, counts) = (lock(&self.interned), lock(&self.counts));
        let Tasks { rows, sort, .. } = self.tasks;
        let rows = Rows::new((rows, sort.unwrap_or(Sort::Total)), &counts, &interned, end.summary);
        let text = match self.tasks.style {
            Style::Json => document::of(&rows),
            Style::Plain | Style::Markdown => table::of(&rows, self.tasks.style),
        };
        tail.text.put(text.as_bytes());
        Ok(())
    }
}
