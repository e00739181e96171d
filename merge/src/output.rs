//! Where the report goes. It appears under its name when it is whole, or not at all.
//!
//! Until then it has no name, where the file system and `/proc` allow that: so nothing stays even of a merge that is
//! killed. Elsewhere it has a temporary one.

use crate::error::MergeError;
use rustix::fs::{AtFlags, CWD, FlockOperation, OFlags, flock, linkat};
use std::borrow::Cow;
use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// What the names of temporary files begin with.
pub const TEMPORARY_PREFIX: &str = ".viztracer-merge-";
/// Stands for standard output.
pub const STDOUT: &str = "-";

/// A report being written.
#[derive(Debug)]
pub struct Output {
    path: PathBuf,
    to: To,
}

#[derive(Debug)]
enum To {
    /// A file in the final one's directory, which has no name until it is finished.
    Unnamed(File, PathBuf),
    /// A file beside the final one, which vanishes unless it is finished.
    Temporary(NamedTempFile, PathBuf),
    /// A device or a pipe, for which a name means nothing.
    Special(File),
}

impl Output {
    /// Prepares for writing to `path`.
    pub fn create(path: &Path) -> Result<Output, MergeError> {
        let to = To::create(path).map_err(|error| MergeError::Output(path.into(), error))?;
        Ok(Output { path: path.into(), to })
    }

    /// Its name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where it is being written, if it is a file.
    pub fn directory(&self) -> Option<&Path> {
        match &self.to {
            To::Unnamed(_, target) | To::Temporary(_, target) => Some(directory_of(target)),
            To::Special(_) => None,
        }
    }

    /// Appends bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), MergeError> {
        let written = match &mut self.to {
            To::Temporary(file, _) => file.as_file_mut().write_all(bytes),
            To::Unnamed(file, _) | To::Special(file) => file.write_all(bytes),
        };
        written.map_err(|error| MergeError::Output(self.path.clone(), error))
    }

    /// Gives the report its name, in the place of what had it before.
    pub fn finish(self) -> Result<(), MergeError> {
        let finished = match self.to {
            To::Unnamed(file, target) => name(&file, &target).and_then(|file| renamed(file, &target)),
            To::Temporary(file, target) => renamed(file, &target),
            To::Special(_) => Ok(()),
        };
        finished.map_err(|error| MergeError::Output(self.path, error))
    }
}

impl To {
    fn create(path: &Path) -> io::Result<To> {
        if path == Path::new(STDOUT) {
            return Ok(To::Special(io::stdout().as_fd().try_clone_to_owned()?.into()));
        }
        if is_special(path) {
            return Ok(To::Special(OpenOptions::new().write(true).open(path)?));
        }
        // Through a symbolic link the report replaces the file, not the link.
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.into());
        let before = fs::metadata(&target).ok();
        if before.as_ref().is_some_and(|metadata| metadata.is_dir()) {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        if let Some(file) = unnamed(directory_of(&target)) {
            prepare(&file, before);
            return Ok(To::Unnamed(file, target));
        }
        let made = temporary().permissions(Permissions::from_mode(MODE)).tempfile_in(directory_of(&target));
        let file = made.map_err(plain)?;
        prepare(file.as_file(), before);
        Ok(To::Temporary(file, target))
    }
}

/// What the umask is taken from, as for any file that a program makes for its user.
const MODE: u32 = 0o666;

fn directory_of(target: &Path) -> &Path {
    match target.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// A file without a name, if it can be given one later.
fn unnamed(directory: &Path) -> Option<File> {
    let flags = i32::try_from(OFlags::TMPFILE.bits()).ok()?;
    let file = OpenOptions::new().write(true).mode(MODE).custom_flags(flags).open(directory).ok()?;
    fs::metadata(link_to(&file)).is_ok().then_some(file)
}

/// The path by which an open file can be linked.
fn link_to(file: &File) -> PathBuf {
    format!("/proc/self/fd/{}", file.as_raw_fd()).into()
}

/// Gives a file a temporary name: only by renaming it can take the place of another.
fn name(file: &File, target: &Path) -> io::Result<NamedTempFile<()>> {
    let link = |name: &Path| Ok(linkat(CWD, link_to(file), CWD, name, AtFlags::SYMLINK_FOLLOW)?);
    temporary().make_in(directory_of(target), link).map_err(plain)
}

fn renamed<F>(file: NamedTempFile<F>, target: &Path) -> io::Result<()> {
    file.persist(target).map(drop).map_err(|error| error.error)
}

fn temporary() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY_PREFIX);
    builder
}

/// The operating system's error without the path that was made up for it.
fn plain(error: io::Error) -> io::Error {
    error.raw_os_error().map_or(error, io::Error::from_raw_os_error)
}

fn prepare(file: &File, before: Option<Metadata>) {
    // What tells it from one that a crash left behind.
    let _ = flock(file, FlockOperation::NonBlockingLockExclusive);
    if let Some(before) = before {
        // The owner of the old file chose who may read it; best effort, as on another user's file it is not ours.
        drop(file.set_permissions(before.permissions()));
    }
}

/// Whether writing goes to something that is not a file with a name of its own.
pub fn is_special(path: &Path) -> bool {
    // These may lead to regular files, which are the shell's to replace and not ours.
    let redirected = ["/dev/stdout", "/dev/stderr", "/dev/fd", "/proc/self/fd"];
    path == Path::new(STDOUT)
        || redirected.iter().any(|name| path.starts_with(name))
        || fs::metadata(path).is_ok_and(|m| !m.is_file() && !m.is_dir())
}

/// A report's name in messages.
pub fn shown(path: &Path) -> Cow<'_, str> {
    if path == Path::new(STDOUT) { "standard output".into() } else { path.to_string_lossy() }
}
