//! Functions in the order of what they cost.

use super::elided::ElidedNumbers;
use super::interned::{InternedFunction, InternedFunctions};
use super::tally::{Tally, Waiting, narrow};
use crate::events::timeline::OVERWRITTEN;
use crate::plan::estimate::About;
use std::cmp::Reverse;

/// A row of a table. All times are in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FunctionRow {
    /// The function, by number.
    pub function: u32,
    /// How many calls there were.
    pub calls: u64,
    /// The time in them, recursion counted once.
    pub total: u64,
    /// The same without what they called.
    pub own: u64,
    /// The mean time of a call.
    pub mean: u64,
    /// The time that half of the calls did not exceed.
    pub p50: u64,
    /// The time that 99 of 100 calls did not exceed.
    pub p99: u64,
    /// The shortest call.
    pub min: u64,
    /// The longest call.
    pub max: u64,
    /// Calls that never ended.
    pub unfinished: u64,
    /// Calls that an exception ended.
    pub raised: u64,
    /// The time in them in which it, or what it called, waited. A table without waiting has it, too.
    pub waiting: u64,
    /// Whether not all of its calls are recorded.
    pub is_elided: bool,
    /// Whether not all calls of C functions by it are recorded.
    pub elides_c_calls: bool,
    /// About how many calls there were, if not all are recorded and that is known.
    pub about: Option<About>,
}

/// The column that a table is sorted by, largest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Sort {
    /// Time without called functions
    #[default]
    #[value(name = "self")]
    Own,
    /// Time with called functions, recursion counted once
    Total,
    /// Number of calls
    Calls,
    /// Mean time of a call
    Mean,
    /// Median time of a call
    P50,
    /// 99th percentile of the time of a call
    P99,
    /// Time of the longest call
    Max,
}

/// Which rows a table has.
#[derive(Clone, Copy, Debug)]
pub struct Rows {
    pub sort: Sort,
    /// At most so many, the first ones.
    pub most: usize,
    /// Whether calls that wait are left out.
    pub is_busy: bool,
}

/// The functions of one process, or of all.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// The first ones, sorted.
    pub rows: Vec<FunctionRow>,
    /// How many there are.
    pub functions: usize,
    /// Their calls.
    pub calls: u64,
    /// The time in them.
    pub own: u64,
    /// The self time of calls that wait and of what they called, if the table leaves it out.
    pub left_out: u64,
    /// Overwritten time: the functions that it belongs to are not known.
    pub overwritten: u64,
    /// Whether there were calls that are not recorded, so that the numbers are the least that there can be.
    pub is_least: bool,
}

/// The functions of a process.
#[derive(Clone, Debug)]
pub struct ProcessTable {
    /// The process id of its tracks.
    pub pid: u32,
    /// Its name.
    pub name: String,
    /// Its functions.
    pub table: Table,
    /// What is to be said of functions of which not all calls are recorded.
    pub notes: Vec<String>,
}

impl FunctionRow {
    fn of(function: u32, tally: &Tally, elided: &ElidedNumbers, without: Waiting) -> FunctionRow {
        FunctionRow {
            function,
            calls: tally.calls - without.calls,
            total: narrow(tally.total - without.total),
            own: narrow(u128::try_from(tally.own - without.own).unwrap_or(0)),
            mean: tally.mean(),
            p50: tally.percentile(50),
            p99: tally.percentile(99),
            min: tally.min,
            max: tally.max,
            unfinished: tally.unfinished,
            raised: tally.raised,
            waiting: narrow(tally.waiting.total),
            is_elided: elided.has(function),
            elides_c_calls: elided.has_c_calls(function),
            about: elided.about(function).map(|about| about.with(tally.calls)).filter(|about| about.is_useful()),
        }
    }
}

impl Sort {
    fn key(self, row: &FunctionRow) -> u64 {
        match self {
            Sort::Own => row.own,
            Sort::Total => row.total,
            Sort::Calls => row.calls,
            Sort::Mean => row.mean,
            Sort::P50 => row.p50,
            Sort::P99 => row.p99,
            Sort::Max => row.max,
        }
    }
}

impl Table {
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.functions == 0 && self.overwritten == 0
    }

    /// The first `rows` of these functions; the tally of [`OVERWRITTEN`] is of none. Equal ones stand in the order of
    /// their names, whatever their numbers are. If it `is_busy`, calls that wait are left out with all that they call.
    pub fn new<'a>(
        tallies: impl IntoIterator<Item = (&'a u32, &'a Tally)>,
        interned: &InternedFunctions,
        elided: &ElidedNumbers,
        Rows { sort, most, is_busy }: Rows,
    ) -> Table {
        let mut left_out = 0;
        let mut row = |(function, tally): (&u32, &Tally)| {
            let without = if is_busy { tally.waiting } else { Waiting::default() };
            left_out += without.own;
            FunctionRow::of(*function, tally, elided, without)
        };
        let mut all: Vec<FunctionRow> = tallies.into_iter().map(&mut row).filter(|row| row.calls > 0).collect();
        let overwritten = all.extract_if(.., |row| row.function == OVERWRITTEN).map(|row| row.total).sum();
        let name = |row: &FunctionRow| {
            interned.get(row.function).map(|InternedFunction { name, file, line, is_c }| (name, file, *line, *is_c))
        };
        all.sort_unstable_by(|a, b| {
            let by_cost = Reverse(sort.key(a)).cmp(&Reverse(sort.key(b)));
            by_cost.then_with(|| name(a).cmp(&name(b)))
        });
        let sum = |number: fn(&FunctionRow) -> u64| all.iter().map(number).fold(0, u64::saturating_add);
        let (functions, calls, own) = (all.len(), sum(|row| row.calls), sum(|row| row.own));
        all.truncate(most);
        all.shrink_to_fit();
        let left_out = narrow(u128::try_from(left_out).unwrap_or(0));
        Table { rows: all, functions, calls, own, left_out, overwritten, is_least: elided.are_there }
    }
}
