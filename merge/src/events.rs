//! The events of a plan, read when their turn comes to be written.
//!
//! The [`content`] of a file is opened, and runs of segments are decoded, those of ring files by [`decode`] and those
//! of traces in JSON by [`imported`]. Calls are nested and put into the order of time where a report needs that
//! ([`timeline`]), and what nobody asked for is left out ([`selection`]).

pub mod content;
pub mod decode;
pub mod imported;
pub mod selection;
pub mod timeline;
