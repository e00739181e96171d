//! The record path of viztracer-ring, without any Python in it.
//!
//! A traced process owns one [`Recorder`]: a [`mod@file`] that it maps as segments ([`mapped`]), a [`ring`] that
//! allocates and recycles them, and a [`names`] table. Each of its threads owns a [`ThreadRecorder`], whose `enter` and
//! `leave` are all that runs per call without logged data: each makes one 16-byte store, raises one counter and reads
//! the [`clock`] once, without a lock, an allocation or a system call.
//!
//! What operating systems and processors do differently is in `system`, `clock::counter` and in the files that are named
//! after a system.
//!
//! Invariants: nothing here formats text, calls back or panics on the per-call path; a full disk, a vanished directory
//! or a limit costs events, which are counted, and never harms the host program.
//!
//! # Example
//!
//! A program that records its own calls into a ring file, which `viztracer-merge` turns into a report:
//!
//! ```
//! use viztracer_format::names::Function;
//! use viztracer_format::record::Kind;
//! use viztracer_recorder::{Options, Recorder};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! # let directory = directory.path();
//! let recorder = Recorder::create(Options::new(directory))?;
//! let parse = recorder.function(&Function { name: "parse", file: "src/parse.rs", line: 7, is_c: false });
//!
//! // Each thread has a recorder of its own.
//! let mut thread = recorder.attach();
//! // SAFETY: only this thread uses it, and the recording is not closed yet.
//! let thread = unsafe { thread.as_mut() };
//! recorder.name_thread(thread.serial(), "parser");
//!
//! let tag = 1; // any number that is the same when the call ends, such as an address
//! thread.enter(parse, tag);
//! // ... the call ...
//! thread.leave(tag, Kind::Return);
//!
//! println!("{} has the call", recorder.path().display());
//! # let path = recorder.path().to_owned();
//! recorder.close();
//! # assert!(std::fs::metadata(path)?.len() > 4096);
//! # Ok(())
//! # }
//! ```

mod body;
pub mod budget;
mod children;
pub mod clock;
pub mod control;
mod error;
mod estimates;
#[cfg_attr(miri, path = "file_on_heap.rs")]
#[cfg_attr(windows, path = "file_on_windows.rs")]
pub mod file;
mod file_lock;
#[cfg_attr(windows, path = "known_file_on_windows.rs")]
mod known_file;
pub mod labels;
pub mod last_act;
mod lock;
pub mod mapped;
pub mod names;
pub mod process;
mod recorder;
pub mod ring;
mod source;
pub mod switches;
mod system;
mod thread;

pub use error::{FileAction, RecorderError};
pub use recorder::{Budget, Inherited, Options, Recorder};
pub use thread::{Earlier, Left, LoggedEvent, SlowCall, ThreadRecorder};
