//! The request: what a caller wants to be merged, and how.

use crate::align::{Align, Offset};
use crate::events::selection::Selection;
use crate::report::prefixes::Prefixes;
use regex::Regex;
use std::path::PathBuf;

/// What to merge into what.
#[derive(Clone, Debug)]
pub struct Request {
    /// Ring files, directories that hold some, and patterns that match some.
    pub inputs: Vec<PathBuf>,
    /// The report. The ending of its name sets its kind.
    pub output: PathBuf,
    /// Whether the report replaces what has its name. Otherwise that is an error.
    pub replaces: bool,
    /// Whether the processes are known to be workers of a run whose first process is not among the inputs.
    pub are_workers: bool,
    /// The number of worker threads; `None` for one per processor, at most 16.
    pub threads: Option<usize>,
    /// Whether the report holds the text of the program's source files.
    pub source: bool,
    /// Whether a trace in JSON has events that show where events are missing.
    pub show_losses: bool,
    /// A directory with source files that no ring file vouches for.
    pub source_root: Option<PathBuf>,
    /// The selected part of the trace.
    pub selection: Selection,
    /// Directories that are removed from the paths of source files.
    pub prefixes: Prefixes,
    /// How files are aligned on the time line.
    pub align: Align,
    /// Functions whose calls place machines on the time line: no process leaves one before all have entered it.
    pub barrier: Option<Regex>,
    /// Files that are moved on the time line after that.
    pub offsets: Vec<Offset>,
}

impl Request {
    /// Makes a request with the default options.
    pub fn new(inputs: Vec<PathBuf>, output: PathBuf) -> Request {
        let (prefixes, selection) = (Prefixes::default(), Selection::default());
        let (align, barrier, offsets) = (Align::Clock, None, Vec::new());
        let (threads, source, show_losses, source_root, replaces) = (None, true, false, None, true);
        let are_workers = false;
        Request {
            inputs,
            output,
            replaces,
            are_workers,
            threads,
            source,
            show_losses,
            source_root,
            prefixes,
            align,
            barrier,
            offsets,
            selection,
        }
    }
}
