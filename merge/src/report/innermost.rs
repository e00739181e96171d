//! The innermost calls of processes that did not end in order, for the summary.

use std::fmt;

/// The innermost open call of each thread of the processes that did not end in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Innermost {
    /// `worker (pid 4712) crashed by SIGSEGV in parse (app.py:31) [MainThread]`, the main thread first.
    pub lines: Vec<String>,
}

impl fmt::Display for Innermost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}
