//! Where the report goes. It appears under its name when it is whole, or not at all.
//!
//! Until then it has no name, where the file system and `/proc` allow that: so nothing stays even of a merge that is
//! killed. Elsewhere it has a temporary one.
//!
//! What has the name before is replaced. It may be somebody else's, put there to be followed or to be read: see [`To`].

use crate::error::MergeError;
use crate::storage::inode::Inode;
use crate::storage::trust::is_trusted_in;
use crate::text::display::STDOUT;
use rustix::fs::{AtFlags, CWD, FlockOperation, OFlags, flock, linkat};
use rustix::process::geteuid;
use std::collections::HashSet;
use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// What the names of temporary files begin with.
pub const TEMPORARY_PREFIX: &str = ".viztracer-merge-";

/// A report being written.
#[derive(Debug)]
pub struct Output {
    path: PathBuf,
    to: To,
}

/// Three rules keep others out, as the kernel does for programs that open what they write (`protected_symlinks`,
/// `protected_fifos`):
/// - in a directory where everybody may put files (`/tmp`), a link or a pipe counts only if it is ours or of the
///   directory's owner;
/// - a report has the mode that the umask gives to a new file, or that of the file it replaces if this is ours and
///   lets in fewer;
/// - an input is never replaced, nor appended to.
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
        // Through a symbolic link the report replaces the file, not the link.
        let target = followed(path)?;
        let before = fs::symlink_metadata(&target).ok();
        if is_special(path) {
            if before.is_some_and(|found| found.file_type().is_fifo() && !is_trusted_in(directory_of(&target), &found))
            {
                return Err(planted());
            }
            return Ok(To::Special(open_special(path, &target)?));
        }
        if before.as_ref().is_some_and(|metadata| metadata.is_dir()) {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        if let Some(file) = unnamed(directory_of(&target)) {
            prepare(&file, before.as_ref());
            return Ok(To::Unnamed(file, target));
        }
        let made = temporary().permissions(Permissions::from_mode(MODE)).tempfile_in(directory_of(&target));
        let file = made.map_err(plain)?;
        prepare(file.as_file(), before.as_ref());
        Ok(To::Temporary(file, target))
    }
}

/// Links that are followed, as in the kernel.
const LINKS_MAX: usize = 40;

/// What a path leads to when all links that it ends in are followed, which may be nothing yet.
fn followed(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_path_buf();
    for _ in 0..LINKS_MAX {
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_symlink() => {
                if !is_trusted_in(directory_of(&path), &found) {
                    return Err(planted());
                }
                path = directory_of(&path).join(fs::read_link(&path)?);
            }
            _ => return Ok(path),
        }
    }
    Err(rustix::io::Errno::LOOP.into())
}

/// Whether a report is refused here, because somebody else has put a link or a pipe where everybody can.
pub fn is_planted(path: &Path) -> bool {
    followed(path).map_or(true, |target| {
        fs::symlink_metadata(&target)
            .is_ok_and(|found| found.file_type().is_fifo() && !is_trusted_in(directory_of(&target), &found))
    })
}

fn planted() -> io::Error {
    io::Error::other("another user has put a link or a pipe there, where everybody may")
}

/// Opens what a path leads to; a name of an open file leads there in a way of its own.
fn open_special(path: &Path, target: &Path) -> io::Result<File> {
    let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::NOCTTY).bits()).unwrap_or(0);
    match is_open_file(path) {
        true => OpenOptions::new().write(true).open(path),
        false => OpenOptions::new().write(true).custom_flags(flags).open(target),
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

fn prepare(file: &File, before: Option<&Metadata>) {
    // What tells it from one that a crash left behind.
    let _ = flock(file, FlockOperation::NonBlockingLockExclusive);
    let before = before.filter(|before| before.is_file() && before.uid() == geteuid().as_raw());
    if let (Some(before), Ok(new)) = (before, file.metadata()) {
        // Who closed the old report to others has not opened the new one to them.
        let mode = new.mode() & before.mode() & 0o777;
        if mode != new.mode() & 0o777 {
            drop(file.set_permissions(Permissions::from_mode(mode)));
        }
    }
}

/// An error if a report under this name would be written over or into one of these files, whatever they are called.
pub fn check_apart(path: &Path, inputs: &HashSet<Inode>) -> Result<(), MergeError> {
    let metadata = match path == Path::new(STDOUT) {
        true => io::stdout().as_fd().try_clone_to_owned().and_then(|stdout| File::from(stdout).metadata()),
        false => fs::metadata(path),
    };
    match metadata {
        Ok(found) if found.is_file() && inputs.contains(&Inode::of(&found)) => Err(MergeError::IsInput(path.into())),
        _ => Ok(()),
    }
}

/// An error if nothing could be written under this name even now. Opens no pipe, as that could take long.
pub fn check_writable(path: &Path) -> Result<(), MergeError> {
    if is_special(path) { Ok(()) } else { Output::create(path).map(drop) }
}

/// Whether writing goes to something that is not a file with a name of its own.
pub fn is_special(path: &Path) -> bool {
    path == Path::new(STDOUT) || is_open_file(path) || fs::metadata(path).is_ok_and(|m| !m.is_file() && !m.is_dir())
}

/// Whether this is a name of what this process has open. It may lead to a regular file, which is the shell's to replace
/// and not ours.
fn is_open_file(path: &Path) -> bool {
    ["/dev/stdout", "/dev/stderr", "/dev/fd", "/proc/self/fd"].iter().any(|name| path.starts_with(name))
}
