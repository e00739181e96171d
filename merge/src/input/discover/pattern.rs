//! Patterns that the shell did not expand: `*`, `?`, `[...]`, and `**` for directories at any depth.
//!
//! A pattern is followed component by component, so only directories that can match are listed, and `**` looks into
//! each of them once, however links lead.

use crate::storage::inode::Inode;
use glob::{MatchOptions, Pattern, PatternError};
use std::collections::HashSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// As in a shell: names that begin with a dot are hidden.
const OPTIONS: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// Whether a path that names no file has something to match in it.
pub fn is_pattern(path: &Path) -> bool {
    path.to_str().is_some_and(|text| text.contains(['*', '?', '[']))
}

/// The paths that match, sorted.
pub fn matches(pattern: &Path) -> Result<Vec<PathBuf>, PatternError> {
    let mut paths = vec![PathBuf::new()];
    for component in pattern.components() {
        paths = match component {
            Component::Normal(name) if name == "**" => directories(&paths),
            Component::Normal(name) if is_pattern(Path::new(name)) => {
                let pattern = Pattern::new(&name.to_string_lossy())?;
                paths.iter().flat_map(|path| entries(path, &pattern)).collect()
            }
            other => paths.into_iter().map(|path| path.join(other)).collect(),
        };
    }
    paths.retain(|path| path.symlink_metadata().is_ok());
    paths.sort_unstable();
    paths.dedup();
    Ok(paths)
}

/// What is in a directory under a name that matches; nothing if it is none.
fn entries(directory: &Path, pattern: &Pattern) -> Vec<PathBuf> {
    let listed = fs::read_dir(here(directory)).into_iter().flatten().flatten();
    let names = listed.map(|entry| entry.file_name());
    let matching = names.filter(|name| pattern.matches_with(&name.to_string_lossy(), OPTIONS));
    matching.map(|name| directory.join(name)).collect()
}

/// These directories and all below them, each once; hidden ones, and what links lead to, are not looked into.
fn directories(tops: &[PathBuf]) -> Vec<PathBuf> {
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    let mut left: Vec<PathBuf> = tops.to_vec();
    while let Some(directory) = left.pop() {
        let Ok(metadata) = fs::metadata(here(&directory)) else { continue };
        if !metadata.is_dir() || !seen.insert(Inode::at(here(&directory), &metadata)) {
            continue;
        }
        let listed = fs::read_dir(here(&directory)).into_iter().flatten().flatten();
        let below = listed.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        let names = below.map(|entry| entry.file_name()).filter(|name| !name.to_string_lossy().starts_with('.'));
        left.extend(names.map(|name| directory.join(name)));
        found.push(directory);
    }
    found
}

/// The directory meant by an empty path.
fn here(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}
