//! Traces in JSON as inputs: the Chrome trace format, as the peer writes it and our own merge.
//!
//! ```text
//! bytes, perhaps gzip --document--> events, sources, members --import--> entries, in a store
//!     --sort--> by thread and end --tracks, images--> whose they are --plans--> a plan of each process
//! ```
//!
//! From there on the entries are what the records of a ring file are: [`Imported::decode`] reads them when their turn
//! comes, and nothing that follows knows the difference. What an event has beside the usual goes along as text.
//! Memory holds names, a run of entries to sort and the sizes of chunks; a document may be of any length.

mod clocks;
mod decode;
mod document;
mod event;
mod ids;
mod images;
mod import;
mod marks;
mod members;
mod pairs;
mod plans;
mod sort;
mod tracks;
mod value;

pub use clocks::{boot_id, settle};
pub use sort::Entry;

use crate::error::{Problem, sentence};
use crate::plan::file::FilePlan;
use crate::storage::store::{Region, Store};
use crate::text::display;
use clocks::BIAS;
use document::Document;
use flate2::read::MultiGzDecoder;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Seek};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use viztracer_format::names::Function;

/// What the plans of a document share.
#[derive(Debug, Default)]
pub struct Imported {
    store: Option<Arc<Store>>,
    functions: Vec<Name>,
    /// Short members, by place.
    short: Vec<Box<[u8]>>,
    /// Source files that came with it, by path: their text and its lines, as JSON.
    sources: BTreeMap<String, Region>,
    /// What else it holds.
    pub members: Map<String, Value>,
    /// Its `viztracer_metadata`.
    pub metadata: Map<String, Value>,
    /// Its machine's monotonic clock at its time 0, in nanoseconds.
    pub zero: i64,
    /// What the wall clock showed then, if that is known.
    pub realtime: Option<i64>,
}

/// A function's name, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Name {
    name: String,
    file: String,
    line: u32,
}

impl Name {
    /// `f (/x/a.py:7)` is a function of Python, anything else is just a name.
    fn of(shown: &str) -> Name {
        let place = shown.strip_suffix(')').and_then(|rest| rest.rsplit_once(" ("));
        let place = place.and_then(|(name, place)| {
            let (file, line) = place.rsplit_once(':')?;
            let number: u32 = line.parse().ok()?;
            // The name must come out again as it was.
            let is_plain = !file.is_empty() && number.to_string() == line;
            is_plain.then(|| Name { name: name.to_owned(), file: file.to_owned(), line: number })
        });
        place.unwrap_or_else(|| Name { name: shown.to_owned(), file: String::new(), line: 0 })
    }

    fn function(&self) -> Function<'_> {
        Function { name: &self.name, file: &self.file, line: self.line, is_c: self.file.is_empty() }
    }
}

impl Imported {
    /// The machine's monotonic clock where the ticks of its events are 0.
    pub fn clock_at_tick_0(&self) -> i64 {
        self.zero.saturating_sub(BIAS)
    }

    /// Calls `each` with every function.
    pub fn functions(&self, mut each: impl FnMut(u32, Function<'_>)) {
        for (id, name) in self.functions.iter().enumerate() {
            each(id as u32, name.function());
        }
    }

    /// The paths of the source files that came with it.
    pub fn sources(&self) -> impl Iterator<Item = &str> {
        self.sources.keys().map(|path| &**path)
    }

    /// A source file's text and the number of its lines, as JSON.
    pub fn source(&self, path: &str) -> io::Result<Vec<u8>> {
        let (Some(region), Some(store)) = (self.sources.get(path), &self.store) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let mut text = vec![0; region.length as usize];
        store.read(region.at, &mut text)?;
        Ok(text)
    }
}

/// The metadata of the first document, without what is told anew. All documents have a word in whether anything was
/// overwritten.
pub fn metadata(plans: &[FilePlan]) -> Map<String, Value> {
    let mut documents = plans.iter().filter_map(|plan| plan.imported.as_ref());
    let Some(first) = documents.next() else { return Map::new() };
    let mut metadata = first.metadata.clone();
    for told_anew in ["alignment", "baseTimeNanoseconds", "clock", "processes", "warnings"] {
        metadata.shift_remove(told_anew);
    }
    let has_overflow = |imported: &Arc<Imported>| imported.metadata.get("overflow") == Some(&Value::Bool(true));
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
