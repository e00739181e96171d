//! What is known of a thread: its recorder ([`current`]), the task that it runs ([`task`]), what it is called
//! ([`name`]), and where its signal handlers run ([`signal_stack`]).

pub mod current;
pub mod name;
pub mod signal_stack;
pub mod task;
