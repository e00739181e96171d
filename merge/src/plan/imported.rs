//! A trace in JSON that was read: where its events are, and what it says of them all.

use crate::storage::store::{Region, Store};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use viztracer_format::names::Function;

/// What is added to times to make ticks of them, which are never negative: 36 years in ns.
pub const BIAS: i64 = 1 << 60;

/// What the plans of a document share.
#[derive(Debug, Default)]
pub struct Imported {
    /// Where the events are, and texts.
    pub store: Option<Arc<Store>>,
    /// The functions, by id.
    pub functions: Vec<Name>,
    /// The categories of those whose first event is of another program than ours or VizTracer, by id; may be empty.
    pub categories: BTreeMap<u32, String>,
    /// Short members, by index.
    pub short: Vec<Box<[u8]>>,
    /// Source files that came with it, by path: their text and its lines, as JSON.
    pub sources: BTreeMap<String, Region>,
    /// Its other members.
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
pub struct Name {
    pub name: String,
    pub file: String,
    pub line: u32,
}

impl Name {
    /// Takes a name apart. `f (/x/a.py:7)` is a Python function; anything else is only a name.
    pub fn of(shown: &str) -> Name {
        let parts = shown.strip_suffix(')').and_then(|rest| rest.rsplit_once(" ("));
        let name = parts.and_then(|(name, location)| {
            let (file, line) = location.rsplit_once(':')?;
            let number: u32 = line.parse().ok()?;
            // The name must come out again as it was.
            let is_plain = !file.is_empty() && number.to_string() == line;
            is_plain.then(|| Name { name: name.to_owned(), file: file.to_owned(), line: number })
        });
        name.unwrap_or_else(|| Name { name: shown.to_owned(), file: String::new(), line: 0 })
    }

    /// The function of this name.
    pub fn function(&self) -> Function<'_> {
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

    /// Each function that another program has named, with its category.
    pub fn foreign(&self) -> impl Iterator<Item = (Function<'_>, &str)> {
        let name = |id: &u32| self.functions.get(*id as usize).map(Name::function);
        self.categories.iter().filter_map(move |(id, category)| Some((name(id)?, category.as_str())))
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
