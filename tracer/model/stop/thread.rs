//! The tracer's `thread`, as far as it is explored, and what stands for the rest.

#[path = "../../src/thread/current.rs"]
pub mod current;
#[path = "../../src/thread/here.rs"]
pub mod here;

pub use crate::interpreter::signal_stack;
pub use crate::interpreter::thread_name as name;
