//! What the caller of a merge asks for.

use crate::align::{Align, Offset};
use crate::events::selection::Selection;
use crate::report::prefixes::Prefixes;
use std::path::PathBuf;

/// What to merge into what.
#[derive(Clone, Debug)]
pub struct Request {
    /// Ring files, directories that hold some, and patterns that match some.
    pub inputs: Vec<PathBuf>,
    /// The report; its name says of what kind it is.
    pub output: PathBuf,
    /// Worker threads; one for each processor, but not more than 16, if it does not say.
    pub threads: Option<usize>,
    /// Whether the text of the program's source files is added.
    pub source: bool,
    /// A directory in which source files are looked for that no ring file vouches for.
    pub source_root: Option<PathBuf>,
    /// What of the trace is asked for.
    pub selection: Selection,
    /// What is left out of the paths of source files.
    pub prefixes: Prefixes,
    /// How files are placed beside each other.
    pub align: Align,
    /// Files that are moved from there.
    pub offsets: Vec<Offset>,
}

impl Request {
    /// A request with the default options.
    pub fn new(inputs: Vec<PathBuf>, output: PathBuf) -> Request {
        let (prefixes, selection) = (Prefixes::default(), Selection::default());
        let (align, offsets) = (Align::Clock, Vec::new());
        let (threads, source, source_root) = (None, true, None);
        Request { inputs, output, threads, source, source_root, prefixes, align, offsets, selection }
    }
}
