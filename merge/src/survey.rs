//! Every input surveyed, so that there is a plan of each process, from what is known without reading all events.
//!
//! The headers of the segments of a ring file make a [`table`]; [`ring`] counts what they hold, and [`cut`] takes away what
//! is more than the newest events that were asked for. Then every process gets the [`number`] of its tracks.

pub mod cut;
pub mod number;
pub mod ring;
pub mod table;
pub mod waits;

pub(crate) use ring::all;
