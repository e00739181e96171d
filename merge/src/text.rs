//! Text for people in reports, tables and messages: names, numbers and paths ([`display`]), durations and dates
//! ([`when`]).

pub mod display;
pub mod when;
