//! Looking at inputs without making a report of them: a line about each file ([`info`]), a line about each record of
//! one ([`dump`]), and what was going on when each process died ([`last_words`]).

pub mod dump;
pub mod info;
pub mod last_words;
