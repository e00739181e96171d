//! Where the report goes. It appears under its name when it is whole, or not at all.

use crate::error::MergeError;
use crate::leftovers::REPORT_PREFIX;
use rustix::fs::{FlockOperation, flock};
use std::borrow::Cow;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

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
            To::Temporary(file, _) => file.path().parent(),
            To::Special(_) => None,
        }
    }

    /// Appends bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), MergeError> {
        let written = match &mut self.to {
            To::Temporary(file, _) => file.as_file_mut().write_all(bytes),
            To::Special(file) => file.write_all(bytes),
        };
        written.map_err(|error| MergeError::Output(self.path.clone(), error))
    }

    /// Gives the report its name, in the place of what had it before.
    pub fn finish(self) -> Result<(), MergeError> {
        match self.to {
            To::Temporary(file, target) => {
                let renamed = file.persist(target).map_err(|error| error.error);
                renamed.map(drop).map_err(|error| MergeError::Output(self.path, error))
            }
            To::Special(_) => Ok(()),
        }
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
        let directory = match target.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        // Mode 0666 is what the umask is taken from, as for any file that a program makes for its user.
        let temporary = tempfile::Builder::new()
            .prefix(REPORT_PREFIX)
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(directory)
            .map_err(|error| error.raw_os_error().map_or(error, io::Error::from_raw_os_error))?;
        // What tells it from one that a crash left behind.
        let _ = flock(temporary.as_file(), FlockOperation::NonBlockingLockExclusive);
        if let Some(before) = before {
            // The owner of the old file chose who may read it; best effort, as on another user's file it is not ours.
            drop(temporary.as_file().set_permissions(before.permissions()));
        }
        Ok(To::Temporary(temporary, target))
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
