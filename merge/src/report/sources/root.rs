//! The directory of `--source_root`. Nothing outside of it is opened, wherever links lead.

use super::opened::OpenedSource;
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
        beneath(&self.directory, inside).ok()
    }
}

#[cfg(target_os = "linux")]
fn beneath(directory: &File, path: &Path) -> io::Result<OpenedSource> {
    use crate::storage::open::UNBLOCKED;
    use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
    use std::os::fd::AsRawFd;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let open = |flags| {
        Ok::<File, io::Error>(openat2(directory, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve)?.into())
    };
    // Opening a device may do something, so it is looked at before.
    if !open(OFlags::PATH)?.metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let file = open(UNBLOCKED)?;
    if !file.metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let resolved = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))?;
    Ok(OpenedSource { file, resolved })
}

/// Other systems have no call that stays beneath a directory.
#[cfg(not(target_os = "linux"))]
fn beneath(_: &File, _: &Path) -> io::Result<OpenedSource> {
    Err(io::ErrorKind::Unsupported.into())
}
