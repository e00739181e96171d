//! What is compared of a function.

use super::median::Median;
use crate::text::display::grouped;
use crate::text::when;

/// A number of a function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Metric {
    /// Number of calls
    #[default]
    Calls,
    /// Time without called functions
    #[value(name = "self")]
    Own,
    /// Time with called functions, recursion counted once
    Total,
}

impl Metric {
    /// All of them.
    pub const ALL: [Metric; 3] = [Metric::Calls, Metric::Own, Metric::Total];

    /// Its name in rules and tables.
    pub fn name(self) -> &'static str {
        match self {
            Metric::Calls => "calls",
            Metric::Own => "self",
            Metric::Total => "total",
        }
    }

    /// Whether it is a time, which depends on how busy the machine was.
    pub fn is_time(self) -> bool {
        self != Metric::Calls
    }

    /// A number of it as people read it.
    pub fn shown(self, number: Median) -> String {
        match (self.is_time(), number.parts()) {
            (true, _) => when::duration(number.rounded_up()),
            (false, (whole, is_half)) => grouped(whole) + if is_half { ".5" } else { "" },
        }
    }
}
