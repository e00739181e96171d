//! The file of a report, which appears under its name when it is whole, or not at all.
//!
//! Until then the file has no name, where the operating system and the file system can give it one later, so that even a
//! merge that is killed leaves nothing. `tempfile` cannot give such a file a name, so it only makes the names here.
//! Elsewhere the file is a [`NamedTempFile`].
//!
//! What had the name before is replaced. It may be of another user, who has put it there to be followed or to be read:
//! see [`Target`].

use crate::error::MergeError;
use crate::storage::inode::Inode;
use crate::system::{self, is_open_file, is_pipe, is_trusted_in, link_unnamed, new_unnamed, with_usual_mode};
use crate::text::display::STDOUT;
use std::collections::HashSet;
use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// What the names of temporary files begin with.
pub const TEMPORARY_PREFIX: &str = ".viztracer-merge-";

/// A report being written.
#[derive(Debug)]
pub struct Output {
    path: PathBuf,
    to: Target,
}

/// What bytes of a report are written to, with the path that it gets in the end.
///
/// Three rules keep other users out:
/// - a link or a pipe is used only where [`is_trusted_in`] allows it;
/// - a report has the mode that the umask gives to a new file, or that of the file it replaces if this is ours and
///   lets in fewer users;
/// - an input is never replaced, nor appended to.
#[derive(Debug)]
enum Target {
    /// A file without a name, in the directory where it gets one.
    Unnamed(File, PathBuf),
    /// A file with a temporary name there, which is removed unless it is finished.
    Temporary(NamedTempFile, PathBuf),
    /// A device or a pipe, which keeps its name.
    Special(File),
    /// No file: the bytes stay here.
    Memory(Vec<u8>),
}

impl Output {
    /// Opens or makes the file that is written to for a report at `path`.
    pub fn create(path: &Path) -> Result<Output, MergeError> {
        let to = Target::create(path).map_err(|error| MergeError::Output(path.into(), error))?;
        Ok(Output { path: path.into(), to })
    }

    /// Keeps what is written.
    pub fn memory() -> Output {
        Output { path: PathBuf::new(), to: Target::Memory(Vec::new()) }
    }

    /// What was written, if it was kept.
    pub fn into_bytes(self) -> Vec<u8> {
        if let Target::Memory(bytes) = self.to { bytes } else { Vec::new() }
    }

    /// The path of the report.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The directory of the file, if the report is a regular file.
    pub fn directory(&self) -> Option<&Path> {
        match &self.to {
            Target::Unnamed(_, target) | Target::Temporary(_, target) => Some(directory_of(target)),
            Target::Special(_) | Target::Memory(_) => None,
        }
    }

    /// Appends bytes to the report.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), MergeError> {
        self.write_all(bytes).map_err(|error| MergeError::Output(self.path.clone(), error))
    }

    /// Gives the report its name. What had it before is replaced, or is an error if it `may_replace` nothing.
    pub fn finish(self, may_replace: bool) -> Result<(), MergeError> {
        let finished = match self.to {
            Target::Unnamed(file, target) if may_replace => {
                name(&file, &target).and_then(|file| renamed(file, &target))
            }
            Target::Unnamed(file, target) => link_unnamed(&file, &target),
            Target::Temporary(file, target) if may_replace => renamed(file, &target),
            Target::Temporary(file, target) => {
                file.persist_noclobber(target).map(drop).map_err(|error| plain(error.error))
            }
            Target::Special(_) | Target::Memory(_) => Ok(()),
        };
        finished.map_err(|error| MergeError::Output(self.path, error))
    }
}

/// For libraries that write by themselves.
impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.to {
            Target::Temporary(file, _) => file.as_file_mut().write(bytes),
            Target::Unnamed(file, _) | Target::Special(file) => file.write(bytes),
            Target::Memory(kept) => kept.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Target {
    fn create(path: &Path) -> io::Result<Target> {
        if path == Path::new(STDOUT) {
            return Ok(Target::Special(system::stdout()?));
        }
        // Through a symbolic link the report replaces the file, not the link.
        let target = followed(path)?;
        let before = fs::symlink_metadata(&target).ok();
        if is_special(path) {
            if before.is_some_and(|found| is_pipe(&found) && !is_trusted_in(directory_of(&target), &found)) {
                return Err(planted());
            }
            return Ok(Target::Special(system::open_special(path, &target)?));
        }
        if before.as_ref().is_some_and(|metadata| metadata.is_dir()) {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        if let Some(file) = new_unnamed(directory_of(&target)) {
            prepare(&file, before.as_ref());
            return Ok(Target::Unnamed(file, target));
        }
        let mut builder = temporary();
        with_usual_mode(&mut builder);
        let file = builder.tempfile_in(directory_of(&target)).map_err(plain)?;
        prepare(file.as_file(), before.as_ref());
        Ok(Target::Temporary(file, target))
    }
}

/// How many links are followed, as in the kernel.
const LINKS_MAX: usize = 40;

/// The path that remains when all links that a path ends in are followed. Nothing may be there yet.
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
    Err(system::too_many_links())
}

/// Whether a report is refused here, because another user has put a link or a pipe where everybody may.
pub fn is_planted(path: &Path) -> bool {
    followed(path).map_or(true, |target| {
        fs::symlink_metadata(&target)
            .is_ok_and(|found| is_pipe(&found) && !is_trusted_in(directory_of(&target), &found))
    })
}

fn planted() -> io::Error {
    io::Error::other("another user has put a link or a pipe there, where everybody may")
}

fn directory_of(target: &Path) -> &Path {
    match target.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// Gives a file a temporary name. A link cannot replace another file, only renaming can.
fn name(file: &File, target: &Path) -> io::Result<NamedTempFile<()>> {
    temporary().make_in(directory_of(target), |name| link_unnamed(file, name)).map_err(plain)
}

fn renamed<F>(file: NamedTempFile<F>, target: &Path) -> io::Result<()> {
    file.persist(target).map(drop).map_err(|error| error.error)
}

fn temporary() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY_PREFIX);
    builder
}

/// The operating system's error without the path that `tempfile` adds.
fn plain(error: io::Error) -> io::Error {
    error.raw_os_error().map_or(error, io::Error::from_raw_os_error)
}

fn prepare(file: &File, before: Option<&Metadata>) {
    // The lock distinguishes it from a file that a crash has left.
    let _ = system::lock_exclusive(file);
    if let Some(before) = before.filter(|before| before.is_file()) {
        system::keep_out(file, before);
    }
}

/// Fails if a report at this path would replace one of the inputs or be written into it, whatever their paths are.
pub fn check_apart(path: &Path, inputs: &HashSet<Inode>) -> Result<(), MergeError> {
    let found = match path == Path::new(STDOUT) {
        true => system::stdout().and_then(|file| Ok((file.metadata()?, Inode::of(&file, &file.metadata()?)))),
        false => fs::metadata(path).map(|found| (found.clone(), Inode::at(path, &found))),
    };
    match found {
        Ok((found, inode)) if found.is_file() && inputs.contains(&inode) => Err(MergeError::IsInput(path.into())),
        _ => Ok(()),
    }
}

/// Fails if no report can be written at this path. Opens no pipe, since that could wait for a reader.
pub fn check_writable(path: &Path) -> Result<(), MergeError> {
    if is_special(path) { Ok(()) } else { Output::create(path).map(drop) }
}

/// Fails if something has the name of a report that may replace nothing. A device or a pipe is written to.
pub fn check_vacant(path: &Path) -> Result<(), MergeError> {
    match fs::symlink_metadata(path) {
        Ok(_) if !is_special(path) => Err(MergeError::Output(path.into(), system::already_exists())),
        _ => Ok(()),
    }
}

/// Whether the report is written to something else than a regular file at this path.
pub fn is_special(path: &Path) -> bool {
    path == Path::new(STDOUT) || is_open_file(path) || fs::metadata(path).is_ok_and(|m| !m.is_file() && !m.is_dir())
}
