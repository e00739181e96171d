//! What there is to say of a process and of its threads.

use super::functions::FunctionNames;
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
    /// Its threads that had not ended, the main one first.
    pub threads: Vec<ThreadWords>,
    /// How many others it had.
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

/// A call that had not ended, and for how many ns it had been open at the last moment known.
#[derive(Clone, Copy, Debug)]
pub struct OpenCall {
    pub function: u32,
    pub duration: u64,
    pub inherited: bool,
}

/// A call that had ended so many ns before the last moment known.
#[derive(Clone, Copy, Debug)]
pub struct EndedCall {
    pub function: u32,
    pub duration: u64,
    pub before: u64,
    pub kind: Kind,
}

impl LastWords {
    /// What a function is called.
    pub fn function(&self, id: u32) -> &str {
        self.functions.get(id).map_or(UNKNOWN_FUNCTION, |function| &function.whole)
    }
}
