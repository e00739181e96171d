//! Traces in JSON as inputs: the Chrome trace format, as VizTracer writes it, and our own merge.
//!
//! ```text
//! bytes, perhaps gzip --document--> events, sources, members --import--> stored events
//!     --sort--> by thread and end --tracks, images--> of each process --chunks, plans--> a plan of each process
//! ```
//!
//! From there on the stored events are what the records of a ring file are: [`Imported`] knows where they are until
//! they are written. Members that have no meaning here stay text. Memory holds names, a run of events to sort and the
//! sizes of chunks, so that a document may have any length.

pub mod checked;
mod chunks;
pub mod clocks;
mod document;
pub mod event;
mod ids;
mod images;
pub mod import;
pub mod marks;
mod members;
mod microseconds;
mod pairs;
mod plans;
mod repair;
mod scanner;
pub mod sort;
mod string;
mod tracks;
pub mod value;

pub use clocks::settle;

use crate::error::{Problem, sentence};
use crate::plan::file::FilePlan;
use crate::plan::imported::Imported;
use crate::storage::store::Store;
use crate::system::open_unblocked;
use crate::text::display;
use document::Document;
use flate2::read::MultiGzDecoder;
use serde_json::{Map, Value};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// The metadata of the first document, without what a report writes anew. It says that events were overwritten if any
/// document says so.
pub fn metadata(plans: &[FilePlan]) -> Map<String, Value> {
    let mut documents = plans.iter().filter_map(|plan| plan.imported());
    let Some(first) = documents.next() else { return Map::new() };
    let mut metadata = first.metadata.clone();
    for anew in ["alignment", "baseTimeNanoseconds", "clock", "processes", "warnings"] {
        metadata.shift_remove(anew);
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
    let read = open_unblocked(path).and_then(|file| file.take(BEGIN).read_to_end(&mut begin));
    let text = begin.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&begin);
    read.is_ok() && (begin.starts_with(&GZIP) || matches!(text.trim_ascii_start(), [b'{' | b'[', ..]))
}

const GZIP: [u8; 2] = [0x1f, 0x8b];
/// How many bytes show what a file is.
const BEGIN: u64 = 64;

/// The problem of a document when the store could not be made or written.
pub fn store_failed(error: io::Error) -> Problem {
    let directory = std::env::temp_dir();
    Problem::new(format!("reading it needs space in {}: {}", display::path(&directory), sentence(&error)))
}

/// Reads a trace into the store, and gives a plan for each of its processes. `stop` interrupts it.
pub fn read(path: &Path, store: &Arc<Store>, stop: &AtomicBool) -> Result<Vec<FilePlan>, Problem> {
    let mut file = open_unblocked(path)?;
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
    plans::plans(path, &metadata, import.map_err(store_failed)?)
}

fn is_gzip(file: &mut File) -> io::Result<bool> {
    let mut begin = Vec::new();
    file.by_ref().take(GZIP.len() as u64).read_to_end(&mut begin)?;
    file.rewind()?;
    Ok(begin == GZIP)
}
