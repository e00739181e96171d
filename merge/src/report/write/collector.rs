//! Collects functions instead of printing them.

use super::functions::{FunctionTotals, Printer};
use super::writer::Tail;
use crate::error::MergeError;
use crate::parallel::lock::lock;
use crate::report::functions::{FunctionRow, InternedFunction, Rows, Sort};
use std::sync::Mutex;

/// The functions of all processes of a report, in no order that means anything.
#[derive(Clone, Debug, Default)]
pub struct CollectedFunctions {
    /// Each function, and its numbers. One that has no name in its file has none here.
    pub rows: Vec<(Option<InternedFunction>, FunctionRow)>,
    /// Calls of all functions.
    pub calls: u64,
    /// The time in them.
    pub own: u64,
    /// Whether there were calls that are not recorded, since the functions were called too often.
    pub is_least: bool,
}

/// Collects the functions of one report.
#[derive(Debug, Default)]
pub struct Collector(Mutex<CollectedFunctions>);

impl Collector {
    /// What was collected.
    pub fn take(&self) -> CollectedFunctions {
        std::mem::take(&mut lock(&self.0))
    }
}

impl Printer for Collector {
    fn rows(&self) -> Rows {
        Rows { sort: Sort::Own, most: usize::MAX, is_busy: false }
    }

    fn processes(&self) -> usize {
        0
    }

    fn end(&self, totals: &FunctionTotals<'_>, _: &mut Tail<'_>) -> Result<(), MergeError> {
        let all = totals.all;
        let rows = all.rows.iter().map(|row| (totals.interned.get(row.function).cloned(), *row)).collect();
        *lock(&self.0) = CollectedFunctions { rows, calls: all.calls, own: all.own, is_least: all.is_least };
        Ok(())
    }
}
