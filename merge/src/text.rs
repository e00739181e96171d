//! How people read things, in reports, in tables and in messages: names, numbers and paths ([`display`]), durations and
//! dates ([`when`]), rows of them ([`columns`]), and all of it in Markdown ([`markdown`]). Programs read [`json`].

pub mod columns;
pub mod display;
pub mod json;
pub mod markdown;
pub mod when;
