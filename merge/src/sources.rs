//! The program's own text: which functions of the trace stand in which files, and what those files say now.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::{Mutex, PoisonError};
use viztracer_format::names::Function;

/// Larger files are no program text.
const SOURCE_MAX: u64 = 16 << 20;

/// A function's place in its file: first line, then name.
pub type Place = (u32, String);

/// Functions by file, gathered while the files of the trace are read.
#[derive(Debug, Default)]
pub struct Sources {
    files: Mutex<BTreeMap<String, BTreeSet<Place>>>,
}

impl Sources {
    /// Adds a function of the trace, unless it has no source file.
    pub fn add(&self, function: &Function<'_>) {
        if function.is_c || function.file.is_empty() || function.file.starts_with('<') {
            return;
        }
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let place = (function.line, function.name.to_owned());
        match files.get_mut(function.file) {
            Some(places) => drop(places.insert(place)),
            None => drop(files.insert(function.file.to_owned(), BTreeSet::from([place]))),
        }
    }

    /// Takes the files and their functions, sorted.
    pub fn take(&self) -> BTreeMap<String, BTreeSet<Place>> {
        std::mem::take(&mut self.files.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The text of a source file with `\n` line ends; `None` if it is no readable file of UTF-8 text.
pub fn read(path: &str) -> Option<String> {
    let flags = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).ok()?;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).ok()?;
    let metadata = file.metadata().ok().filter(|m| m.is_file() && m.len() <= SOURCE_MAX)?;
    let mut text = String::with_capacity(metadata.len() as usize);
    file.take(SOURCE_MAX).read_to_string(&mut text).ok()?;
    if let Some(rest) = text.strip_prefix('\u{feff}') {
        text = rest.to_owned();
    }
    if text.contains('\r') {
        text = text.replace("\r\n", "\n").replace('\r', "\n");
    }
    Some(text)
}
