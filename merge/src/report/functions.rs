//! Functions and the time they took: how often called, how long in all and by themselves, and how that was spread.
//!
//! ```text
//! steps --counter--> tallies of a part --append--> of a process --append--> of all processes --> rows of a table
//! ```
//!
//! All sums are of whole numbers, so it does not matter in which order parts are added.

mod counter;
mod interned;
mod sketch;
mod table;
mod tally;

#[cfg(test)]
mod tests;

pub use counter::CallCounter;
pub use interned::{InternedFunction, InternedFunctions};
pub use table::{FunctionRow, ProcessTable, Sort, Table};
pub use tally::Tally;
