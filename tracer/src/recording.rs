//! The one recording that a process can have at a time: its file and its rules ([`state`]), the tracer that has it
//! ([`owner`]), what is written into its file ([`file`]), and what becomes of it in a forked process ([`fork`]).
//!
//! It is state and nothing else: [`crate::process::lifecycle`], above this, begins and ends a recording.
//!
//! **Why no thread uses memory that is gone.** A hook is a critical section of the GIL: from finding its thread's
//! recorder to leaving it, it runs no Python and keeps the GIL. [`take`] is called with the GIL held, too. So when
//! [`take`] has noted that nothing records, no hook is inside, and each later one finds that out; only then is anything
//! freed. The lock is for those who come without the GIL: a thread that ends and gives its recorder back, and `fork`.

mod file;
mod fork;
mod owner;
mod state;

pub use file::*;
pub use fork::*;
pub use owner::*;
pub use state::{Phase, begin, current, end, rules};
