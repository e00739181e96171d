//! The last words of a process and of its threads, as data.

use super::functions::{FunctionNames, NamedFunction};
use crate::error::Problems;
use crate::text::display::UNKNOWN_FUNCTION;
use std::collections::VecDeque;
use viztracer_format::record::Kind;

/// Calls that are kept of each thread.
pub const CALLS_MAX: usize = 20;

/// The last words of one process.
#[derive(Debug, Default)]
pub struct LastWords {
    /// Realtime of its last record, in ns since 1970.
    pub last_record: u64,
    /// The threads that had not ended, the main thread first.
    pub threads: Vec<ThreadWords>,
    /// How many threads had ended.
    pub ended: usize,
    /// What could not be read.
    pub problems: Problems,
    pub functions: FunctionNames,
}

/// The last words of one thread.
#[derive(Debug, Default)]
pub struct ThreadWords {
    pub name: String,
    pub tid: u64,
    /// Outermost first.
    pub open: Vec<OpenCall>,
    /// Newest last.
    pub calls: VecDeque<EndedCall>,
}

/// A call that had not ended, and for how many ns it was known to be open.
#[derive(Clone, Copy, Debug)]
pub struct OpenCall {
    pub function: u32,
    pub duration: u64,
    pub inherited: bool,
}

/// A call that had ended, `before` ns before the end that times count back from.
#[derive(Clone, Copy, Debug)]
pub struct EndedCall {
    pub function: u32,
    pub duration: u64,
    pub before: u64,
    pub kind: Kind,
}

impl LastWords {
    /// The name of a function.
    pub fn function(&self, id: u32) -> String {
        self.functions.get(id).map_or_else(|| UNKNOWN_FUNCTION.to_owned(), NamedFunction::name)
    }
}
