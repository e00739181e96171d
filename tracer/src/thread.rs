//! What is known of a thread: its recorder ([`current`], by a note that is [`here`]), the calls that it records
//! ([`calls`]), the asyncio task that it runs ([`task`]), its name ([`name`]), and the stack of its signal handlers
//! ([`signal_stack`]).

pub mod calls;
pub mod current;
pub mod here;
pub mod name;
#[cfg_attr(windows, path = "thread/signal_stack_on_windows.rs")]
pub mod signal_stack;
pub mod task;
