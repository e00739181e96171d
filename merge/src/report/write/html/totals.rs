//! What the parts of the page have told for its header.

use super::block::Stream;
use crate::report::write::missing::Missing;
use std::collections::BTreeMap;

/// What the parts have told.
#[derive(Debug, Default)]
pub struct PageTotals {
    /// By file, the calls of each stream.
    pub calls: BTreeMap<usize, BTreeMap<Stream, u64>>,
    /// By file.
    pub missing: BTreeMap<usize, Vec<Missing>>,
    /// By file and stream, begins and ends of overwritten time.
    pub overwritten: BTreeMap<usize, BTreeMap<Stream, Vec<u64>>>,
    pub all: u64,
}
