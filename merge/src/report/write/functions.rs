//! Reports that are made of the functions of all processes: totals here, printed by a [`Printer`].
//!
//! What is counted of a process is kept until its last part was read; then it goes into what is counted of all
//! processes, and a few numbers of each function stay. Of the processes with the least time not even these stay, so
//! memory does not grow with the number of processes, but only with that of different functions.

use super::by_id::ById;
use super::part::Reader;
use super::text::Text;
use super::writer::{Report, ReportEnd, Tail, Writer};
use crate::error::MergeError;
use crate::events::decode::Outcome;
use crate::events::timeline::OVERWRITTEN;
use crate::parallel::lock::lock;
use crate::plan::estimate::Estimates;
use crate::plan::file::FilePlan;
use crate::report::functions::{
    CallCounter, ElidedNumbers, InternedFunctions, ProcessTable, Rows, Table, Tally, waits,
};
use crate::report::summary::Summary;
use crate::report::{bursts, elided};
use crate::text::display::UNKNOWN_FUNCTION;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt;
use std::sync::Mutex;
use viztracer_format::names::Function;

/// Prints the functions of a report.
pub trait Printer: fmt::Debug + Sync {
    /// Which functions of a process, and of all, it wants to know.
    fn rows(&self) -> Rows;

    /// How many processes it wants to have at the end: those with the most time in them.
    fn processes(&self) -> usize;

    /// Writes the begin of the output.
    fn begin(&self, _text: &mut Text) {}

    /// Writes the functions of one process. Processes come in order.
    fn process(&self, _process: &ProcessTable, _known: &InternedFunctions, _text: &mut Text) {}

    /// Writes the end of the output.
    fn end(&self, totals: &FunctionTotals<'_>, tail: &mut Tail<'_>) -> Result<(), MergeError>;
}

/// What there is to print at the end.
#[derive(Debug)]
pub struct FunctionTotals<'a> {
    /// The summary of the report.
    pub summary: &'a Summary,
    /// The names of functions.
    pub interned: &'a InternedFunctions,
    /// Functions over all processes.
    pub all: &'a Table,
    /// The processes with the most time in them, in the order of the files.
    pub processes: &'a [ProcessTable],
    /// How many others had calls.
    pub more_processes: usize,
}

/// Counts the functions of all files. There is one for all printers, since the code of a report is large.
#[derive(Debug)]
pub struct FunctionReport<'a> {
    printer: &'a dyn Printer,
    interned: Mutex<InternedFunctions>,
    /// By file and function, what is counted of files that are being read.
    files: Mutex<HashMap<usize, HashMap<u32, Tally>>>,
    finished: Mutex<FinishedFiles>,
}

/// The functions of files that were read.
#[derive(Debug, Default)]
struct FinishedFiles {
    all: HashMap<u32, Tally>,
    /// Those of which not all calls are recorded.
    elided: ElidedNumbers,
    processes: Vec<(usize, ProcessTable)>,
    more_processes: usize,
}

/// The functions of a file.
#[derive(Debug)]
pub struct FileFunctions {
    indexes: ById,
    /// The interned number of each function of the file. The first one stands for those without a name, the second one
    /// for overwritten calls.
    numbers: Vec<u32>,
    /// Whether each of these functions waits.
    waits: Vec<bool>,
}

impl FunctionReport<'_> {
    /// For this printer.
    pub fn new(printer: &dyn Printer) -> FunctionReport<'_> {
        FunctionReport { printer, interned: Mutex::default(), files: Mutex::default(), finished: Mutex::default() }
    }
}

impl Writer for FunctionReport<'_> {
    type File = FileFunctions;
    const NESTED: bool = true;

    fn file(&self, _: &FilePlan) -> FileFunctions {
        let unknown = Function { name: UNKNOWN_FUNCTION, is_c: true, ..Function::default() };
        let numbers = vec![lock(&self.interned).add(&unknown), OVERWRITTEN];
        FileFunctions { indexes: ById::default(), waits: vec![false; numbers.len()], numbers }
    }

    fn function(&self, file: &mut FileFunctions, id: u32, function: &Function<'_>) {
        file.indexes.insert(id, file.numbers.len() as u32);
        file.numbers.push(lock(&self.interned).add(function));
        file.waits.push(waits(function));
    }

    fn begin(&self, _: &Report<'_>, text: &mut Text) {
        self.printer.begin(text);
    }

    fn part(&self, reader: &mut Reader<'_>, file: &FileFunctions, _: &mut Text) -> Outcome {
        let mut counter = CallCounter::new(&file.waits);
        let index = |id| if id == OVERWRITTEN { 1 } else { file.indexes.get(id).unwrap_or(0) };
        let outcome = reader.stack_events(|event, open| counter.take(event, open, index));
        let mut files = lock(&self.files);
        let tallies = files.entry(reader.part.file).or_default();
        for (index, tally) in counter.tallies() {
            let number = file.numbers.get(index as usize).copied().unwrap_or_default();
            tallies.entry(number).or_default().append(tally);
        }
        outcome
    }

    fn close(&self, report: &Report<'_>, file: usize, tail: &mut Tail<'_>) -> Result<(), MergeError> {
        let tallies = lock(&self.files).remove(&file).unwrap_or_default();
        let interned = lock(&self.interned);
        let Some(plan) = report.files.get(file) else { return Ok(()) };
        // An estimate is one of the whole recording.
        let is_whole = report.selected.is_none() && plan.threads.iter().all(|thread| thread.overwritten == 0);
        let none = Estimates::new();
        let estimates = if is_whole { &plan.estimates } else { &none };
        let elided = ElidedNumbers::of(plan.elided.keys(), plan.bursts, estimates, &interned, report.prefixes);
        let table = Table::new(&tallies, &interned, &elided, self.printer.rows());
        if table.is_empty() {
            return Ok(());
        }
        let notes = elided::notes(plan.elided.keys()).into_iter().chain(bursts::note([plan.bursts])).collect();
        let process = ProcessTable { pid: plan.pid, name: plan.process_name(), table, notes };
        self.printer.process(&process, &interned, &mut tail.text);
        let mut finished = lock(&self.finished);
        finished.elided.append(&elided);
        for (function, tally) in tallies {
            finished.all.entry(function).or_default().append(&tally);
        }
        finished.add(file, process, self.printer.processes());
        Ok(())
    }

    fn end(&self, end: &ReportEnd<'_>, tail: &mut Tail<'_>) -> Result<(), MergeError> {
        let (interned, mut finished) = (lock(&self.interned), lock(&self.finished));
        let all = Table::new(&finished.all, &interned, &finished.elided, self.printer.rows());
        let more_processes = finished.drop_least(self.printer.processes());
        let processes: Vec<ProcessTable> = finished.processes.drain(..).map(|(_, process)| process).collect();
        let totals = FunctionTotals {
            summary: end.summary,
            interned: &interned,
            all: &all,
            processes: &processes,
            more_processes,
        };
        self.printer.end(&totals, tail)
    }
}

impl FinishedFiles {
    fn add(&mut self, file: usize, process: ProcessTable, most: usize) {
        self.processes.push((file, process));
        if self.processes.len() > 2 * most {
            self.drop_least(most);
        }
    }

    /// Drops the processes with the least time, if there are too many; returns how many were dropped so far.
    fn drop_least(&mut self, most: usize) -> usize {
        self.processes.sort_unstable_by_key(|(file, process)| (Reverse(process.table.own), *file));
        self.more_processes += self.processes.len().saturating_sub(most);
        self.processes.truncate(most);
        self.processes.sort_unstable_by_key(|(file, _)| *file);
        self.more_processes
    }
}
