//! Compares runs: the functions of a base and of a head, side by side.
//!
//! ```text
//! the runs of a trace --side--> tables of functions --matching, comparison--> rows --rank_test--> with p-values
//!     --rule, verdict--> what fails --table, document--> text, Markdown or JSON
//! ```
//!
//! Counts of calls do not depend on how busy a machine is, so they come first. Times do. A difference of times counts
//! only if a rank test of several runs says that chance seldom makes such a difference.
//!
//! No verdict comes from numbers that could be larger than they are known to be: see [`verdict`].

pub mod comparison;
pub mod document;
pub mod matching;
pub mod median;
pub mod metric;
pub mod rank_test;
pub mod rule;
pub mod samples;
pub mod side;
pub mod table;
pub mod verdict;

#[cfg(test)]
mod tests;

/// Something of the base, and the same of the head.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Both<T> {
    /// Of the base.
    pub base: T,
    /// Of the head.
    pub head: T,
}

impl<T> Both<T> {
    /// Does the same with both.
    pub fn map<'a, U>(&'a self, mut of: impl FnMut(&'a T) -> U) -> Both<U> {
        Both { base: of(&self.base), head: of(&self.head) }
    }

    /// Both, with their names.
    pub fn named(&self) -> [(&'static str, &T); 2] {
        [("base", &self.base), ("head", &self.head)]
    }
}
