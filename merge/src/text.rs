//! How people read things, in reports, in tables and in messages: names, numbers and paths ([`display`]), durations and
//! dates ([`when`]), rows of them ([`columns`]), and all of it in Markdown ([`markdown`]). People type numbers
//! ([`whole`]). Programs read [`json`].

pub mod columns;
pub mod display;
pub mod json;
pub mod markdown;
pub mod when;
pub mod whole;
