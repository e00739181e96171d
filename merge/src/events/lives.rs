//! The lives of tasks and coroutines, found in the pieces that a recording has of them.
//!
//! A coroutine that awaits leaves the stack and enters it again when it goes on, so a recording has a call for each
//! piece in between. A task runs in slices. Where one ends because the task awaits, the coroutines that it has entered
//! are suspended, one inside the other. When the task goes on, it enters them again in the same order, outermost first.
//! An exception that is thrown into a task enters them from the innermost outwards.
//!
//! ```text
//! slice 1    main |====================|    main, handler and read are suspended
//!            handler   |===============|
//!            read              |=======|
//! slice 2    main |=================|       they go on: read ends, handler is suspended again
//!            handler  |=============|
//!            read      |====|
//! ```
//!
//! A call that is suspended while its caller goes on has handed a value to the caller: it is a generator, not a
//! coroutine.
//!
//! Parts of a file are read in parallel as [`Steps`]. A [`Linker`] takes these one part after the other.

mod life;
mod linker;
mod steps;
mod waiting;

#[cfg(test)]
mod tests;

pub use life::{Life, LifeEnd};
pub use linker::{Linker, TaskBegins};
pub use steps::{Single, StepRecorder, Steps};
