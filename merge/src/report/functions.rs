//! Statistics of functions: how often they were called, their time in all and by themselves, and its quantiles.
//!
//! ```text
//! stack events --counter--> tallies of a part --append--> of a process --append--> of all processes --> a table
//! ```
//!
//! All sums are of whole numbers, so the order in which parts are added does not matter.

mod counter;
mod elided;
mod interned;
mod sketch;
mod table;
mod tally;
mod waiting;

#[cfg(test)]
mod tests;

pub use counter::CallCounter;
pub use elided::ElidedNumbers;
pub use interned::{InternedFunction, InternedFunctions};
pub use table::{FunctionRow, ProcessTable, Rows, Sort, Table};
pub use tally::Tally;
pub use waiting::waits;
