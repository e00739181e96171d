//! The slowest calls of all processes, as a table for a terminal or in Markdown, or as JSON.
//!
//! A part ranks the calls that it has as a whole. Of a call that began in an earlier part, each part only knows what it
//! called there, so such calls are ranked when all parts of their file were read. So memory grows with the number of
//! calls that are wanted, and of those that are open where a part ends, but not with the number of calls.

mod document;
mod functions;
mod part;
mod rows;
mod table;
mod unranked;

use super::part::Reader;
use super::text::Text;
use super::top::Style;
use super::writer::{Report, ReportEnd, Tail, Writer};
use crate::error::MergeError;
use crate::events::decode::Outcome;
use crate::parallel::lock::lock;
use crate::plan::file::FilePlan;
use crate::report::functions::InternedFunctions;
use crate::report::slowest::{By, Matched, Ranking};
pub use functions::FileFunctions;
use part::PartCalls;
use regex::Regex;
use rows::Rows;
use std::collections::HashMap;
use std::sync::Mutex;
use unranked::UnrankedCalls;
use viztracer_format::names::Function;

/// Which calls are printed, and how.
#[derive(Clone, Copy, Debug)]
pub struct Slowest {
    /// How many calls.
    pub calls: usize,
    /// What makes a call slow.
    pub by: By,
    pub style: Style,
}

/// Finds and prints the slowest calls.
#[derive(Debug)]
pub struct SlowestReport<'a> {
    slowest: Slowest,
    /// Only calls of functions whose names match.
    pattern: Option<&'a Regex>,
    interned: Mutex<InternedFunctions>,
    /// What is known of files that are being read.
    files: Mutex<HashMap<usize, UnrankedCalls>>,
    found: Mutex<FoundCalls>,
}

/// The calls that were asked for.
#[derive(Debug)]
struct FoundCalls {
    slowest: Ranking,
    matched: Matched,
}

impl SlowestReport<'_> {
    /// For calls of functions whose names match, or of all functions.
    pub fn new(slowest: Slowest, pattern: Option<&Regex>) -> SlowestReport<'_> {
        let found = FoundCalls { slowest: Ranking::new(slowest.calls), matched: Matched::default() };
        let (interned, files) = (Mutex::default(), Mutex::default());
        SlowestReport { slowest, pattern, interned, files, found: Mutex::new(found) }
    }
}

impl Writer for SlowestReport<'_> {
    type File = FileFunctions;
    const NESTED: bool = true;

    fn file(&self, _: &FilePlan) -> FileFunctions {
        FileFunctions::new(&mut lock(&self.interned), self.pattern)
    }

    fn function(&self, file: &mut FileFunctions, id: u32, function: &Function<'_>) {
        file.add(id, function, &mut lock(&self.interned), self.pattern);
    }

    fn begin(&self, _: &Report<'_>, _: &mut Text) {}

    fn part(&self, reader: &mut Reader<'_>, functions: &FileFunctions, _: &mut Text) -> Outcome {
        let file = reader.part.file;
        let mut calls = PartCalls::new(reader.part, functions, self.slowest.calls, self.slowest.by);
        let outcome = reader.stack_events(|event, open| calls.take(event, open));
        let (unranked, slowest, matched) = calls.finish();
        lock(&self.files).entry(file).or_default().append(unranked);
        let mut found = lock(&self.found);
        found.slowest.append(slowest);
        found.matched.append(matched);
        outcome
    }

    fn close(&self, _: &Report<'_>, file: usize, _: &mut Tail<'_>) -> Result<(), MergeError> {
        let unranked = lock(&self.files).remove(&file).unwrap_or_default();
        let mut found = lock(&self.found);
        for call in unranked.ranked(self.slowest.by) {
            found.slowest.offer(call.rank, || call);
        }
        Ok(())
    }

    fn end(&self, end: &ReportEnd<'_>, tail: &mut Tail<'_>) -> Result<(), MergeError> {
        let (interned, mut found) = (lock(&self.interned), lock(&self.found));
        let calls = found.slowest.take();
        let rows = Rows::new(self.slowest.by, &calls, &found.matched, &interned, end);
        let text = match self.slowest.style {
            Style::Json => document::of(&rows),
            Style::Plain | Style::Markdown => table::of(&rows, self.slowest.style),
        };
        tail.text.put(text.as_bytes());
        Ok(())
    }
}
