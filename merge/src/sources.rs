//! The program's own text: which functions of the trace stand in which files, and what those files say now.

use crate::chrome::Imported;
use crate::lock::lock;
use crate::plan::FilePlan;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Mutex;
use viztracer_format::names::Function;

/// Larger files are no program text.
const SOURCE_MAX: u64 = 16 << 20;

/// A function's place in its file: first line, then name.
pub type Place = (u32, String);

/// Functions by file, gathered while the files of the trace are read.
#[derive(Debug, Default)]
pub struct Sources {
    files: Mutex<BTreeMap<String, SourceFile>>,
}

/// A source file of the trace.
#[derive(Debug, Default)]
pub struct SourceFile {
    /// Where it is; what it is called in the report may be shorter.
    pub path: String,
    /// Its functions.
    pub places: BTreeSet<Place>,
}

impl Sources {
    /// Adds a function of the trace, unless it has no source file: that at `path`, which is called as in `shown`. Of
    /// files that are called the same one is told.
    pub fn add(&self, path: &str, shown: &Function<'_>) {
        if shown.is_c || path.is_empty() {
            return;
        }
        let mut files = lock(&self.files);
        let place = (shown.line, shown.name.to_owned());
        match files.get_mut(shown.file) {
            Some(file) => {
                file.places.insert(place);
                if *path < *file.path {
                    path.clone_into(&mut file.path);
                }
            }
            None => {
                let file = SourceFile { path: path.to_owned(), places: BTreeSet::from([place]) };
                files.insert(shown.file.to_owned(), file);
            }
        }
    }

    /// Takes the files and their functions, by the names in the report.
    pub fn take(&self) -> BTreeMap<String, SourceFile> {
        std::mem::take(&mut lock(&self.files))
    }
}

/// Source files that came with inputs, by path; of two, the later one.
#[derive(Debug)]
pub struct Embedded<'a>(BTreeMap<&'a str, &'a Imported>);

impl<'a> Embedded<'a> {
    /// Those of these files.
    pub fn of(files: &'a [FilePlan]) -> Embedded<'a> {
        let imported = files.iter().filter_map(|plan| plan.imported.as_deref());
        Embedded(imported.flat_map(|imported| imported.sources().map(move |path| (path, imported))).collect())
    }

    /// These and those of the trace.
    pub fn and(&self, mut files: BTreeMap<String, SourceFile>) -> BTreeMap<String, SourceFile> {
        for path in self.0.keys() {
            files.entry((*path).to_owned()).or_default();
        }
        files
    }

    /// The text of a file that is called this and the number of its lines, as JSON; `None` if it cannot be read.
    pub fn text(&self, shown: &str, of: &SourceFile) -> Option<Vec<u8>> {
        match self.0.get(shown).or_else(|| self.0.get(&*of.path)) {
            Some(imported) => imported.source(&of.path).or_else(|_| imported.source(shown)).ok(),
            None => read(&of.path).map(|source| {
                let lines = source.bytes().filter(|byte| *byte == b'\n').count();
                json!([source, lines]).to_string().into_bytes()
            }),
        }
    }
}

/// The text of a source file with `\n` line ends; `None` if it is no readable file of UTF-8 text.
fn read(path: &str) -> Option<String> {
    // Such as `<string>`.
    if path.starts_with('<') {
        return None;
    }
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
