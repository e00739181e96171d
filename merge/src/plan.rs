//! What there is to merge from one file, as data, and how its parts are read.
//!
//! A plan ([`file`]) has the names of threads and functions ([`names`]), the calls that were open ([`frames`]), the way in
//! which the process ended ([`ending`]) and, if the input is a report, what that tells of the process ([`account`]).
//! Of a trace in JSON there is also what was read from it ([`imported`]).

pub mod account;
pub mod ending;
pub mod file;
pub mod frames;
pub mod imported;
pub mod names;
