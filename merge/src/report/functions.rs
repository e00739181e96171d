//! Functions and the time they took: how often called, how long in all and by themselves, and how that was spread.
//!
//! ```text
//! steps --walk--> tallies of a part --append--> of a process --append--> of all processes --> rows of a table
//! ```
//!
//! All sums are of whole numbers, so it does not matter in which order parts are added.

mod known;
mod sketch;
mod table;
mod tally;
mod walk;

#[cfg(test)]
mod tests;

pub use known::{Known, Named};
pub use table::{Process, Row, Sort, Table};
pub use tally::Tally;
pub use walk::Walk;
