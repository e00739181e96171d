//! Totals over the parts of a page, for its header.

use super::block::Stream;
use crate::report::write::missing::Missing;
use std::collections::BTreeMap;

/// Totals over the parts of a page.
#[derive(Debug, Default)]
pub struct PageTotals {
    /// How many calls each stream of each file has.
    pub calls: BTreeMap<usize, BTreeMap<Stream, u64>>,
    /// What is missing, by file.
    pub missing: BTreeMap<usize, Vec<Missing>>,
    /// The begins and ends of overwritten time, by file and stream.
    pub overwritten: BTreeMap<usize, BTreeMap<Stream, Vec<u64>>>,
    /// How many calls the page has.
    pub all: u64,
    /// How many more calls are merged into these.
    pub merged: u64,
}
