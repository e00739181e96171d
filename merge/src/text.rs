//! How people read things, in reports, in tables and in messages: names, numbers and paths ([`display`]), durations and
//! dates ([`when`]).

pub mod display;
pub mod when;
