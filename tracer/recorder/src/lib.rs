//! The record path of viztracer-ring, without any Python in it.
//!
//! A process that is traced owns one [`Recorder`]: a [`file`] it maps as segments ([`mapped`]), a [`ring`] that hands
//! them out, and a [`names`] table. Each of its threads owns a [`ThreadRecorder`], whose `enter` and `leave` are all
//! that happens per call: one 16-byte store and one counter each, without a lock, an allocation or a system call. The
//! [`clock`] is read once in either.
//!
//! Invariants: nothing here formats text, calls back or panics on the per-call path; a full disk, a vanished directory
//! or a limit costs events, which are counted, but never the host program.

mod children;
pub mod clock;
pub mod control;
mod error;
#[cfg_attr(miri, path = "file_on_heap.rs")]
pub mod file;
pub mod labels;
pub mod last_act;
pub mod mapped;
pub mod names;
pub mod process;
mod recorder;
pub mod ring;
mod source;
mod thread;

pub use error::RecorderError;
pub use recorder::{Inherited, Options, Recorder};
pub use thread::{Left, ThreadRecorder};
