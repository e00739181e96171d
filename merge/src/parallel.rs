//! Work by many threads at once: what they share is locked ([`lock`]), a reorder buffer takes their results in order
//! ([`window`]), and a watcher sees how far they are and may stop them ([`progress`]).

pub mod lock;
pub mod progress;
pub mod window;
