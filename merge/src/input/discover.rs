//! Finds the files to read, in an order that does not depend on the file system.
//!
//! A file that is named, or that matches a pattern that the shell has not expanded, is read, whatever it is. Of a
//! directory the ring files are read. Traces in JSON are read only if it has no ring file, since a report is often
//! beside the files that it was made of. Links to directories inside a directory are not followed. Every file is read
//! once, by device and inode, whatever its names are.

mod listed;
mod pattern;

pub use listed::listed;

use crate::error::{BadInput, Problem};
use crate::input::leftovers::is_temporary;
use crate::storage::inode::Inode;
use crate::system::open_unblocked;
use std::collections::HashSet;
use std::fs::{self, DirEntry, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use viztracer_format::header::MAGIC;

/// A file to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputFile {
    /// The file's path.
    pub path: PathBuf,
    /// Which file it is, whatever its path.
    pub inode: Inode,
    /// Whether the user named it, and not only a directory that holds it.
    pub is_named: bool,
}

/// The files to read, each once, and the inputs that name none.
pub fn discover(inputs: &[PathBuf]) -> (Vec<InputFile>, Vec<BadInput>) {
    let mut search = Search::default();
    for input in inputs {
        match fs::metadata(input) {
            Ok(metadata) => search.named(input.clone(), &metadata),
            Err(error) => search.pattern(input, error),
        }
    }
    (search.found, search.bad)
}

/// Whether a file that could not be read as a ring file is of another kind, rather than damaged: it begins otherwise.
pub fn is_other_kind(path: &Path) -> bool {
    let mut begin = Vec::new();
    let read = open_unblocked(path).and_then(|file| file.take(MAGIC.len() as u64).read_to_end(&mut begin));
    read.is_ok() && !MAGIC.starts_with(&begin)
}

#[derive(Default)]
struct Search {
    found: Vec<InputFile>,
    files: HashSet<Inode>,
    directories: HashSet<Inode>,
    bad: Vec<BadInput>,
}

impl Search {
    fn named(&mut self, path: PathBuf, metadata: &Metadata) {
        match metadata.is_dir() {
            true => self.directory(&path, metadata),
            false => self.file(path, metadata, true),
        }
    }

    /// What is no file may be a pattern, of which every match counts as named.
    fn pattern(&mut self, input: &Path, missing: io::Error) {
        if !pattern::is_pattern(input) {
            return self.bad.push(BadInput::new(input, missing));
        }
        match pattern::matches(input) {
            Ok(matches) if matches.is_empty() => {
                self.bad.push(BadInput::new(input, Problem::new("no file matches this pattern")));
            }
            Ok(matches) => {
                for path in matches {
                    match fs::metadata(&path) {
                        Ok(metadata) => self.named(path, &metadata),
                        Err(error) => self.bad.push(BadInput::new(&path, error)),
                    }
                }
            }
            Err(reason) => self.bad.push(BadInput::new(input, Problem::new(format!("bad pattern: {reason}")))),
        }
    }

    fn file(&mut self, path: PathBuf, metadata: &Metadata, is_named: bool) {
        let inode = Inode::at(&path, metadata);
        if self.files.insert(inode) {
            self.found.push(InputFile { path, inode, is_named });
        }
    }

    fn directory(&mut self, path: &Path, metadata: &Metadata) {
        if !self.directories.insert(Inode::at(path, metadata)) {
            return;
        }
        let (bad_before, mut documents) = (self.bad.len(), Vec::new());
        if self.walk(path, &mut documents) {
            return;
        }
        if documents.is_empty() && self.bad.len() == bad_before {
            self.bad.push(BadInput::new(path, Problem::new("no .bin or .json file in this directory")));
        }
        for (path, metadata) in documents {
            self.file(path, &metadata, false);
        }
    }

    /// A directory's own files by name, then what its directories hold; whether there is any ring file.
    fn walk(&mut self, top: &Path, documents: &mut Vec<(PathBuf, Metadata)>) -> bool {
        let mut any = false;
        let mut left = vec![top.to_path_buf()];
        while let Some(directory) = left.pop() {
            let mut below = Vec::new();
            for entry in self.list(&directory) {
                let path = entry.path();
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    let metadata = fs::metadata(&path);
                    // A mount can lead back to what is above it.
                    if metadata.is_ok_and(|metadata| self.directories.insert(Inode::at(&path, &metadata))) {
                        below.push(path);
                    }
                } else if (is_like_ours(&path) || is_like_json(&path))
                    && let Ok(metadata) = fs::metadata(&path)
                    && metadata.is_file()
                {
                    if is_like_json(&path) {
                        documents.push((path, metadata));
                        continue;
                    }
                    any = true;
                    self.file(path, &metadata, false);
                }
            }
            left.extend(below.into_iter().rev());
        }
        any
    }

    fn list(&mut self, path: &Path) -> Vec<DirEntry> {
        match fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
            Ok(mut entries) => {
                entries.sort_unstable_by_key(DirEntry::file_name);
                entries
            }
            Err(error) => {
                self.bad.push(BadInput::new(path, error));
                Vec::new()
            }
        }
    }
}

/// Whether a file in a directory has the name of a ring file, and not that of one in the making.
fn is_like_ours(path: &Path) -> bool {
    let is_ring = path.extension().is_some_and(|extension| extension == "bin");
    is_ring && !path.file_name().is_some_and(|name| is_temporary(&name.to_string_lossy()))
}

/// Whether a file has the name of a trace in JSON.
fn is_like_json(path: &Path) -> bool {
    let name = path.as_os_str().as_encoded_bytes();
    name.ends_with(b".json") || name.ends_with(b".json.gz")
}

#[cfg(all(test, unix))]
mod tests;
