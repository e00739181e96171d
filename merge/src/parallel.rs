//! Work by many threads at once: what they share is locked ([`lock`]), their results are taken in order
//! ([`reorder_buffer`]), and a watcher sees how far they are and may stop them ([`progress`]).

pub mod lock;
pub mod progress;
pub mod reorder_buffer;
