//! The names table: interns functions, and appends their names to the file before any record refers to them.

use crate::body;
use crate::budget::{Elided, Elision};
use crate::ring::{Memory, Ring};
use crate::source;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use viztracer_format::names::{self, Estimate, Function, Tag};
use viztracer_format::record::FUNCTION_UNKNOWN;
use viztracer_format::segment::SegmentKind;

/// Where an entry begins: its segment, and its offset in the body.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    segment: u32,
    offset: usize,
}

/// The names of one file. Equal functions share an id, so code that is compiled again and again does not fill the disk.
#[derive(Debug, Default)]
pub struct NameTable {
    ids: HashMap<Arc<[u8]>, u32>,
    entries: Vec<Arc<[u8]>>,
    /// Source paths that were looked at.
    sources: HashSet<Box<str>>,
    /// The open NAMES segment and the bytes used of its body.
    open: Option<(u32, usize)>,
    unnamed: u64,
    /// What is no longer recorded, by the id of the function.
    elided: HashMap<u32, Elided>,
    /// The functions that a task, or an arrow, may begin with.
    kept_with_tasks: HashSet<u32>,
}

impl NameTable {
    /// The id of a function; [`FUNCTION_UNKNOWN`] if the file has no space for its name.
    pub fn function<M: Memory>(&mut self, ring: &Ring<M>, function: &Function<'_>) -> u32 {
        self.entry(ring, names::function_entry(0, function, smallest_body()).into())
    }

    /// How many functions have an id.
    pub fn functions(&self) -> u64 {
        self.entries.len() as u64
    }

    /// The id of the function of an entry, which may be from another process's file.
    pub fn entry<M: Memory>(&mut self, ring: &Ring<M>, entry: Arc<[u8]>) -> u32 {
        if let Some(id) = self.ids.get(&entry) {
            return *id;
        }
        let id = self.entries.len() as u32;
        if id >= FUNCTION_UNKNOWN || self.append(ring, &with_id(&entry, id)).is_none() {
            self.unnamed += 1;
            return FUNCTION_UNKNOWN;
        }
        self.vouch(ring, &entry);
        self.entries.push(Arc::clone(&entry));
        self.ids.insert(entry, id);
        id
    }

    /// Writes for each source path, once, which file it leads to.
    fn vouch<M: Memory>(&mut self, ring: &Ring<M>, function: &[u8]) {
        let Some(path) = names::whole_path(function).filter(|path| !self.sources.contains(*path)) else { return };
        self.sources.insert(path.into());
        let identity = source::identity(path);
        if let Some(entry) = identity.and_then(|identity| names::source_entry(path, &identity, smallest_body())) {
            self.append(ring, &entry);
        }
    }

    /// The entry of the function with this id; the entry itself has id 0.
    pub fn of(&self, id: u32) -> Option<Arc<[u8]>> {
        self.entries.get(id as usize).map(Arc::clone)
    }

    /// Whether the function with this id is a C function.
    pub fn is_c(&self, id: u32) -> bool {
        self.entries.get(id as usize).is_some_and(|entry| names::is_c_function(entry))
    }

    /// Notes that a task, or an arrow, may begin with the function with this id.
    pub fn keep_with_tasks(&mut self, id: u32) {
        self.kept_with_tasks.insert(id);
    }

    /// Whether a task, or an arrow, may begin with the function with this id.
    pub fn is_kept_with_tasks(&self, id: u32) -> bool {
        self.kept_with_tasks.contains(&id)
    }

    /// Says in the file that something is no longer recorded from this tick on; false if that is said already, or if the
    /// file has no space for it: then it is recorded further.
    pub fn elide<M: Memory>(&mut self, ring: &Ring<M>, elision: Elision, now: u64) -> bool {
        let Elision { function, what } = elision;
        if function == FUNCTION_UNKNOWN || self.elided(function) >= Some(what) {
            return false;
        }
        let is_said = self.append(ring, &names::elided_entry(function, what < Elided::Calls, now)).is_some();
        if is_said {
            self.elided.insert(function, what);
        }
        is_said
    }

    /// What is elided of the function with this id.
    pub fn elided(&self, id: u32) -> Option<Elided> {
        self.elided.get(&id).copied()
    }

    /// All that is elided, with the entries of the functions.
    pub fn all_elided(&self) -> impl Iterator<Item = (Elided, Arc<[u8]>)> {
        self.elided.iter().filter_map(|(id, what)| Some((*what, self.of(*id)?)))
    }

    /// The number of functions that got no id of their own.
    pub fn unnamed(&self) -> u64 {
        self.unnamed
    }

    /// Writes the name of the process; the last one holds.
    pub fn process<M: Memory>(&mut self, ring: &Ring<M>, name: &str) {
        self.append(ring, &names::name_entry(Tag::ProcessName, 0, name, smallest_body()));
    }

    /// Writes an estimate of how often the function with this id is called; `None` if the file has no space for it.
    pub fn estimate<M: Memory>(&mut self, ring: &Ring<M>, id: u32, estimate: &Estimate) -> Option<Place> {
        self.append(ring, &names::estimate_entry(id, estimate))
    }

    /// Writes another estimate in place of the one before.
    pub fn set_estimate<M: Memory>(&self, ring: &Ring<M>, place: Place, estimate: &Estimate) {
        let words = estimate.words().map(u64::to_le_bytes);
        body::store(ring.memory().slots(place.segment), place.offset + Estimate::OFFSET, words.as_flattened());
    }

    /// Appends an entry and commits it; `None` if the file has no space for it.
    fn append<M: Memory>(&mut self, ring: &Ring<M>, entry: &[u8]) -> Option<Place> {
        let fits = |used: usize, segment| used + entry.len() <= size_of_val(ring.memory().slots(segment));
        let (segment, used) = match self.open {
            Some((segment, used)) if fits(used, segment) => (segment, used),
            _ => (ring.open_permanent(SegmentKind::Names)?, 0),
        };
        body::store(ring.memory().slots(segment), used, entry);
        let end = used + entry.len();
        ring.memory().header(segment).commit(end);
        self.open = Some((segment, end));
        Some(Place { segment, offset: used })
    }
}

/// Entries are cut to what fits the body of the smallest segment, so that they fit every file.
const fn smallest_body() -> usize {
    viztracer_format::header::SEGMENT_SIZE_MIN - viztracer_format::segment::SEGMENT_HEADER_SIZE
}

fn with_id(entry: &[u8], id: u32) -> Vec<u8> {
    let mut entry = entry.to_vec();
    entry[8..12].copy_from_slice(&id.to_le_bytes());
    entry
}
