//! How people read things, in reports, in tables and in messages: names, numbers and paths ([`display`]), durations and
//! dates ([`when`]), and rows of them ([`columns`]).

pub mod columns;
pub mod display;
pub mod when;
