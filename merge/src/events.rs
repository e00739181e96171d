//! The events of a plan, read when their turn comes to be written.
//!
//! The [`content`] of a file is opened, runs of segments are decoded ([`decode`]), calls are nested and put into the order
//! of time where a report needs that ([`timeline`]), and what nobody asked for is left out ([`selection`]).

pub mod content;
pub mod decode;
pub mod selection;
pub mod timeline;
