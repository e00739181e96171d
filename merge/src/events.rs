//! The events of a plan, read when they are written.
//!
//! The [`content`] of a file is opened, and its runs of segments are decoded: those of ring files by [`decode`], those
//! of traces in JSON by [`imported`]. Where a report needs it, calls are nested and put into the order of time
//! ([`timeline`]). Events that are not selected are left out ([`selection`]). The calls of [`barriers`] are read before
//! that, since they place machines on the time line.

pub mod barriers;
pub mod content;
pub mod decode;
pub mod imported;
pub mod lives;
pub mod selection;
pub mod timeline;
