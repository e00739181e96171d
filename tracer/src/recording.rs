//! The one recording that a process can have at a time: its file and its rules ([`state`]), the tracer that has it
//! ([`owner`]), what is written into its file ([`file`]), and what becomes of it in a forked process ([`fork`]).
//!
//! It is state and nothing else: [`crate::process::lifecycle`], above this, begins and ends a recording.
//!
//! **Why no thread uses memory that is gone.** From finding its thread's recorder to leaving it, a hook runs no Python
//! and passes no other point at which the interpreter may stop it, or have another thread run instead. [`take`] is
//! called [`exclusively`](crate::exclusive::exclusively): between such points of all threads. So when [`take`] has
//! noted that nothing records, no hook is inside, and each later one finds that out; only then is anything freed. The
//! lock is for the rest: threads that are not attached, such as one that ends and gives its recorder back, `fork`, and
//! without a GIL all others. A thread that waits for it may be attached, so the thread that has the lock calls nothing
//! of the interpreter.

mod file;
mod fork;
mod owner;
mod state;

pub use file::*;
pub use fork::*;
pub use owner::*;
pub use state::{Phase, begin, current, end, kept, records_calls, rules};
