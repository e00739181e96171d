//! What there is to merge from one process, as data, and how its parts are read.
//!
//! A plan ([`file`]) has what is known of the recording as a whole ([`recording`]), the names of threads and functions
//! ([`names`]), those of which not all calls are recorded ([`elided`]) and about how many
//! calls these are ([`estimate`]), whether all are recorded in bursts only
//! ([`bursts`]), the calls that were open ([`frames`]), and how the process ended ([`ending`]). The plan of a trace in
//! JSON also has what was read from the trace ([`imported`]) and what a report says of the process ([`account`]).

pub mod account;
pub mod bursts;
pub mod elided;
pub mod ending;
pub mod estimate;
pub mod file;
pub mod frames;
pub mod imported;
pub mod names;
pub mod recording;
