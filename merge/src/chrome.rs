//! Traces in JSON as inputs: the Chrome trace format, as the peer writes it and our own merge.
//!
//! ```text
//! bytes, perhaps gzip --document--> events, sources, members --import--> entries, in a store
//!     --sort--> by thread and end --tracks, images--> whose they are --plans--> a plan of each process
//! ```
//!
//! From there on the entries are what the records of a ring file are: [`Imported`] holds them until their turn comes, and
//! nothing that follows knows the difference. What an event has beside the usual goes along as text.
//! Memory holds names, a run of entries to sort and the sizes of chunks; a document may be of any length.

pub mod clocks;
mod document;
pub mod event;
mod ids;
mod images;
mod import;
pub mod marks;
mod members;
mod pairs;
mod plans;
pub mod sort;
mod tracks;
mod value;

pub use clocks::{boot_id, settle};

use crate::error::{Problem, sentence};
use crate::plan::file::FilePlan;
use crate::plan::imported::Imported;
use crate::storage::store::Store;
use crate::text::display;
use document::Document;
use flate2::read::MultiGzDecoder;
use serde_json::{Map, Value};
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Seek};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// The metadata of the first document, without what is told anew. All documents have a word in whether anything was
/// overwritten.
pub fn metadata(plans: &[FilePlan]) -> Map<String, Value> {
    let mut documents = plans.iter().filter_map(|plan| plan.imported());
    let Some(first) = documents.next() else { return Map::new() };
    let mut metadata = first.metadata.clone();
    for told_anew in ["alignment", "baseTimeNanoseconds", "clock", "processes", "warnings"] {
        metadata.shift_remove(told_anew);
    }
    let has_overflow = |imported: &Imported| imported.metadata.get("overflow") == Some(&Value::Bool(true));
    if documents.any(has_overflow) {
        metadata.insert("overflow".into(), true.into());
    }
    metadata
}

/// Whether a file begins as JSON does, or as anything that is compressed by gzip.
pub fn is_trace(path: &Path) -> bool {
    let mut begin = Vec::new();
    let read = open(path).and_then(|file| file.take(BEGIN).read_to_end(&mut begin));
    let text = begin.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&begin);
    read.is_ok() && (begin.starts_with(&GZIP) || matches!(text.trim_ascii_start(), [b'{' | b'[', ..]))
}

const GZIP: [u8; 2] = [0x1f, 0x8b];
/// Bytes that are looked at to tell what a file is.
const BEGIN: u64 = 64;

fn open(path: &Path) -> io::Result<File> {
    // What is no file must not be waited for.
    let flags = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

/// The store could not be made or written.
pub fn no_room(error: io::Error) -> Problem {
    let directory = std::env::temp_dir();
    Problem::new(format!("reading it needs room in {}: {}", display::path(&directory), sentence(&error)))
}

/// Reads a trace into the store, until `stop` says otherwise, and gives a plan for each of its processes.
pub fn read(path: &Path, store: &Arc<Store>, stop: &AtomicBool) -> Result<Vec<FilePlan>, Problem> {
    let mut file = open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(Problem::new("not a regular file"));
    }
    let import = match is_gzip(&mut file)? {
        true => {
            import::import(Document::new(MultiGzDecoder::new(BufReader::with_capacity(1 << 18, file))), store, stop)
        }
        false => import::import(Document::new(file), store, stop),
    };
    plans::plans(path, &metadata, import.map_err(no_room)?)
}

fn is_gzip(file: &mut File) -> io::Result<bool> {
    let mut begin = Vec::new();
    file.by_ref().take(GZIP.len() as u64).read_to_end(&mut begin)?;
    file.rewind()?;
    Ok(begin == GZIP)
}
