//! Stop against hooks: no thread that is inside a hook when another one stops, saves or starts the recording ever uses
//! memory that is gone.
//!
//! What is explored is the extension's own code: [`process::lifecycle`], [`recording`] and [`thread::current`], from
//! their files. What they stand on is here, as far as it matters: the [`gil`], or threads without one, of which one may
//! stop the others; an interpreter that lets others go on, or stop a thread, whenever it runs Python ([`interpreter`]);
//! and under loom a recorder that notices each use of what is gone ([`watched`]). Otherwise the recorder is the true
//! one.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --release --target-dir target/loom -p viztracer-model    every interleaving, with
//!                                                                                            few forced switches
//! make miri                                                                                  some, every access seen
//! make tsan                                                                                  some, every race seen
//! cargo test -p viztracer-model                                                              some, at full speed
//! ```
//!
//! Left out: `fork`, whose child has only one thread.

#![allow(dead_code, reason = "the extension's modules hold more than is explored")]

#[path = "../../src/function/cache.rs"]
mod cache;
#[path = "../../src/filter.rs"]
mod filter;
mod gil;
mod ids;
mod interpreter;
mod process;
mod programs;
mod recording;
#[path = "../../src/sync.rs"]
mod sync;
mod thread;
#[cfg(loom)]
mod watched;

// The names by which the extension's modules call what stands in for the interpreter, and under loom for the recorder.
extern crate self as pyo3;
#[cfg(loom)]
extern crate self as viztracer_recorder;

#[cfg(loom)]
use gil::Life;
use interpreter::{due, exceptions, exclusive, function, hook, prelude, stderr, system};
#[cfg(loom)]
use watched::{Inherited, Options, Recorder, RecorderError, SlowCall, ThreadRecorder, budget};
