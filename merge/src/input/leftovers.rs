//! What crashes have left: directories of ring files whose run is over, and temporary files that never got a name.
//!
//! They are searched where they are made: where runs put their files, beside the report and in the current directory.
//! A directory is left over if the process in its name has ended and none of its files has a living writer. So a directory of a run
//! that is starting, or is merging its files, is not. There may be hundreds of directories, so only the files of the
//! newest one are looked at, and the others are counted by their names.

mod owner;

use crate::input::ring::{Input, State};
use crate::system::{is_own, may_run, run_directory};
use crate::text::display::quoted;
use crate::text::when;
pub use owner::is_temporary;
use owner::{is_forsaken, is_locked, owner};
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

/// How many temporary files are named.
const SHOWN_MAX: usize = 5;
/// How many directories are looked into for one without a living writer.
const LOOKED_AT_MAX: usize = 5;

/// What was found.
#[derive(Debug, Default)]
pub struct Leftovers {
    /// The newest directory.
    newest: Option<Directory>,
    /// How many others there are.
    others: usize,
    /// Temporary files.
    files: Vec<PathBuf>,
}

/// A directory that no process writes to any more.
#[derive(Debug)]
struct Directory {
    path: PathBuf,
    files: usize,
    bytes: u64,
    /// Realtime in ns since 1970.
    written: u64,
}

/// Searches the directory of runs, the current directory and that of the report, and for files also those
/// of the inputs. Inputs themselves are left out.
pub fn find(output: Option<&Path>, inputs: &[PathBuf]) -> Leftovers {
    let mut searched = vec![PathBuf::new(), run_directory()];
    searched.extend(output.and_then(Path::parent).map(Path::to_owned));
    let beside = |input: &PathBuf| match input.is_dir() {
        true => Some(input.clone()),
        false => input.parent().map(Path::to_owned),
    };
    find_in(&searched, &inputs.iter().filter_map(beside).collect::<Vec<_>>(), inputs)
}

fn find_in(searched: &[PathBuf], for_files: &[PathBuf], inputs: &[PathBuf]) -> Leftovers {
    let inputs: Vec<PathBuf> = inputs.iter().filter_map(|input| fs::canonicalize(input).ok()).collect();
    let (mut directories, mut files) = (Vec::new(), Vec::new());
    let mut seen = BTreeSet::new();
    for (number, parent) in searched.iter().chain(for_files).enumerate() {
        let whole = fs::canonicalize(here(parent)).unwrap_or_else(|_| parent.clone());
        if !seen.insert(whole.clone()) {
            continue;
        }
        let is_input = |name: &OsStr| {
            let path = whole.join(name);
            inputs.iter().any(|input| input.starts_with(&path) || path.starts_with(input))
        };
        for (name, metadata) in own_entries(parent) {
            if metadata.is_file() {
                files.push(parent.join(name));
            } else if number < searched.len() && metadata.is_dir() && !is_input(&name) && is_ownerless(&name) {
                directories.push((modified(&metadata), parent.join(name)));
            }
        }
    }
    files.sort_unstable();
    Leftovers { files: files.into_iter().filter(|path| is_forsaken(path)).collect(), ..of_directories(directories) }
}

/// The newest of these that no process writes to any more, and how many others there are.
fn of_directories(mut directories: Vec<(u64, PathBuf)>) -> Leftovers {
    directories.sort_by(|a, b| (b.0, &a.1).cmp(&(a.0, &b.1)));
    let mut others = directories.len();
    for (_, path) in directories.into_iter().take(LOOKED_AT_MAX) {
        others -= 1;
        if let Some(newest) = Directory::left(path) {
            return Leftovers { newest: Some(newest), others, ..Leftovers::default() };
        }
    }
    Leftovers::default()
}

/// Whether the process in a directory's name has ended.
fn is_ownerless(name: &OsStr) -> bool {
    name.to_str().and_then(owner).is_some_and(|pid| !may_run(pid))
}

/// The directory meant by an empty path.
fn here(path: &Path) -> &Path {
    if path == Path::new("") { Path::new(".") } else { path }
}

/// This user's entries of a directory whose names are like ours.
fn own_entries(directory: &Path) -> Vec<(OsString, Metadata)> {
    let entries = fs::read_dir(here(directory)).into_iter().flatten().flatten();
    let like_ours = entries.filter(|entry| {
        let name = entry.file_name();
        name.to_str().is_some_and(|name| owner(name).is_some() || is_temporary(name))
    });
    let with_metadata = like_ours.filter_map(|entry| Some((entry.file_name(), entry.metadata().ok()?)));
    with_metadata.filter(|(_, metadata)| is_own(metadata)).collect()
}

impl Directory {
    fn left(path: PathBuf) -> Option<Directory> {
        let mut directory = Directory { written: modified(&fs::metadata(&path).ok()?), path, files: 0, bytes: 0 };
        for entry in fs::read_dir(&directory.path).ok()? {
            let entry = entry.ok()?;
            let metadata = entry.metadata().ok()?;
            let (is_live, written) = look(&entry.path());
            if is_live {
                return None;
            }
            directory.files += 1;
            directory.bytes += metadata.len();
            directory.written = directory.written.max(modified(&metadata)).max(written);
        }
        Some(directory)
    }
}

/// Whether a process still writes this ring file, and the newest time in it: stores into a mapped page do not change
/// the modification time of the file.
fn look(path: &Path) -> (bool, u64) {
    let Ok(input) = Input::open(path) else { return (is_locked(path), 0) };
    let mut newest = input.header.identity.opened.realtime.max(input.header.closed.realtime);
    input.segments(|_, segment| newest = segment.map_or(newest, |segment| newest.max(segment.anchor.realtime)));
    (input.state() == State::Living, newest.min(when::now()))
}

fn modified(metadata: &Metadata) -> u64 {
    metadata.modified().map_or(0, when::nanoseconds)
}

impl fmt::Display for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = quoted(self.path.as_os_str().as_encoded_bytes());
        let written = self.written;
        write!(f, "left behind: {path}: ")?;
        // Those elsewhere it removes only as long as their control blocks are there.
        let is_found_by_clean = self.path.parent() == Some(&*run_directory());
        let clean = if is_found_by_clean { " and all other dead runs with `viztracer-ctl clean`" } else { "" };
        match self.files {
            0 => return write!(f, "empty, made {}; remove it{clean}", when::ago(written)),
            1 => write!(f, "1 file")?,
            files => write!(f, "{files} files")?,
        }
        let (size, at, ago) = (size(self.bytes), when::utc(written), when::ago(written));
        write!(f, ", {size}, last written {at}, {ago}; merge it: viztracer-merge {path}, or remove it{clean}")
    }
}

fn size(bytes: u64) -> String {
    let tenths = |unit: u64| format!("{}.{}", bytes / unit, bytes % unit / (unit / 10));
    match bytes {
        0..1_000_000 => format!("{} kB", bytes.div_ceil(1000)),
        1_000_000..1_000_000_000 => format!("{} MB", tenths(1_000_000)),
        _ => format!("{} GB", tenths(1_000_000_000)),
    }
}

impl Leftovers {
    /// One line about all of them; `None` if there are none.
    pub fn line(&self) -> Option<String> {
        let shown = self.files.iter().take(SHOWN_MAX).map(|path| quoted(path.as_os_str().as_encoded_bytes()));
        let shown = shown.collect::<Vec<_>>().join(" ");
        let more = match self.files.len().saturating_sub(SHOWN_MAX) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let others = match self.others {
            0 => String::new(),
            1 => "; and 1 older directory".to_owned(),
            others => format!("; and {others} older directories"),
        };
        match (&self.newest, self.files.is_empty()) {
            (None, true) => None,
            (None, false) => Some(format!("left unfinished, remove them: {shown}{more}")),
            (Some(newest), true) => Some(format!("{newest}{others}")),
            (Some(newest), false) => Some(format!("{newest}{others}; left unfinished, remove them: {shown}{more}")),
        }
    }
}

#[cfg(all(test, unix))]
mod tests;
