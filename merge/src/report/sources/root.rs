//! The directory of `--source_root`. Nothing outside of it is opened, wherever links lead.

use super::opened::OpenedSource;
use crate::system::open_beneath;
use std::fs::{self, File};
use std::io;
use std::path::{Component, Path, PathBuf};

/// The directory, opened.
#[derive(Debug)]
pub struct SourceRoot {
    directory: File,
    /// As it was given, and without links.
    paths: [PathBuf; 2],
}

impl SourceRoot {
    /// Opens the directory.
    pub fn open_directory(path: &Path) -> io::Result<SourceRoot> {
        let resolved = fs::canonicalize(path)?;
        if !fs::metadata(&resolved)?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(SourceRoot { directory: File::open(&resolved)?, paths: [path.to_path_buf(), resolved] })
    }

    /// Opens the file that is called this in the report: by its path if that leads into the directory, else by its
    /// whole path below the directory. `None` if there is no such regular file.
    pub(super) fn open(&self, shown: &str) -> Option<OpenedSource> {
        let path = Path::new(shown);
        let inside = self.paths.iter().find_map(|root| path.strip_prefix(root).ok()).unwrap_or(path);
        let inside = inside.strip_prefix("/").unwrap_or(inside);
        let is_plain = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
        if inside.as_os_str().is_empty() || !inside.components().all(is_plain) {
            return None;
        }
        open_beneath(&self.directory, inside).map(|(file, resolved)| OpenedSource { file, resolved }).ok()
    }
}
