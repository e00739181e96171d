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
//!
//! # Example
//!
//! How often each function of a ring file was called, as far as its calls have ended. `bytes` are those of the file:
//!
//! ```
//! use std::collections::{BTreeMap, HashMap};
//! use viztracer_format::header::{HEADER_SIZE, Header};
//! use viztracer_format::names::Entry;
//! use viztracer_format::reader::Segment;
//! use viztracer_format::segment::{SEGMENT_HEADER_SIZE, SegmentKind};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let bytes: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/v1.bin"));
//! let header = Header::parse(bytes)?;
//! let (mut names, mut calls) = (HashMap::new(), Vec::new());
//! for (index, bytes) in bytes[HEADER_SIZE..].chunks(header.segment_size()).enumerate() {
//!     let offset = HEADER_SIZE + index * header.segment_size();
//!     let Some(segment) = Segment::parse(bytes, offset as u64, header.segment_size())? else { continue };
//!     let committed = segment.committed(&bytes[SEGMENT_HEADER_SIZE..])?;
//!     match segment.kind {
//!         SegmentKind::Names => {
//!             for entry in segment.entries(committed) {
//!                 if let Entry::Function { id, function } = entry? {
//!                     names.insert(id, function.name);
//!                 }
//!             }
//!         }
//!         SegmentKind::Calls => calls.extend(segment.events(committed).map(|event| event.function)),
//!         _ => {}
//!     }
//! }
//! let mut counts = BTreeMap::new();
//! for function in calls {
//!     *counts.entry(names[&function]).or_insert(0) += 1;
//! }
//! # assert!(counts.values().sum::<u32>() > 0);
//! println!("{counts:?}");
//! # Ok(())
//! # }
//! ```

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
