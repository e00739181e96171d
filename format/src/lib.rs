//! The ring file of viztracer-ring, byte by byte: what the tracer writes while the program runs and what the merge
//! reads afterwards, or meanwhile, or after a crash.
//!
//! ```text
//! header (4 KiB) | segment | segment | segment | ...      kind: NAMES | STACKS | CALLS | PAYLOAD | LABELS
//! ```
//!
//! A call's way through this crate: its function gets a [`names`] entry and its thread a slot of [`labels`]. While it
//! is open, it is a frame on the thread's [`stack`]; when it ends, it becomes a [`record`] in a CALLS [`segment`],
//! whose commit counter publishes it. The [`reader`] turns the bytes of such segments back into events, and [`clock`]
//! their ticks into nanoseconds. [`process_stat`] parses what identifies the process that wrote them. `FORMAT.md`
//! beside this crate describes the same for people who write another reader.
//!
//! This crate does no I/O, starts no threads and knows no Python. It works on any memory given to it, and it trusts
//! no byte that it reads.

#[cfg(target_endian = "big")]
compile_error!("ring files are little-endian and mapped as they are: big-endian machines cannot write them");

pub mod arguments;
pub mod clock;
pub mod control;
mod error;
pub mod header;
pub mod labels;
pub mod names;
pub mod process_stat;
pub mod reader;
pub mod record;
pub mod segment;
pub mod stack;
pub mod sync;

pub use error::FormatError;
