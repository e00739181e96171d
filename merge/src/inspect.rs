//! Shows inputs without a report: a row about each file ([`info`]), a line about each record ([`dump`]), and the calls
//! that were open when each process died ([`last_words`]).

pub mod dump;
pub mod info;
pub mod last_words;
pub mod live;
