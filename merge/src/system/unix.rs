//! What Linux and macOS do in the same way.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FlockOperation, Mode, OFlags, fstatvfs, open};
use rustix::io::Errno;
use rustix::process::{Pid, Resource, Rlimit, geteuid, getrlimit, getuid, setrlimit, test_kill_process};
use std::ffi::OsStr;
use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io;
pub use std::os::fd::AsFd as AsOpen;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Flags for reading what may not be a file: opening a pipe waits for no writer, and a terminal does not become ours.
pub const UNBLOCKED: OFlags = OFlags::NONBLOCK.union(OFlags::NOCTTY);

/// Opens a path for reading. A pipe is opened at once, whether or not it has a writer.
pub fn open_unblocked(path: &Path) -> io::Result<File> {
    open_with(path, UNBLOCKED)
}

/// Opens a path as [`open_unblocked`] does, unless a symbolic link stands there.
pub fn open_unfollowed(path: &Path) -> io::Result<File> {
    open_with(path, UNBLOCKED | OFlags::NOFOLLOW)
}

fn open_with(path: &Path, flags: OFlags) -> io::Result<File> {
    // The standard library takes the flags as the C type, and adds O_CLOEXEC.
    let flags = flags.bits().cast_signed();
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

/// Reads from an offset, as far as one call does.
pub fn read_at(file: &File, to: &mut [u8], offset: u64) -> io::Result<usize> {
    file.read_at(to, offset)
}

/// Reads all these bytes from an offset.
pub fn read_exact_at(file: &File, to: &mut [u8], offset: u64) -> io::Result<()> {
    file.read_exact_at(to, offset)
}

/// Writes all these bytes from an offset on.
pub fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    file.write_all_at(bytes, offset)
}

/// Device and inode of the file at a path, which has this metadata.
pub fn identity_at(_: &Path, metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// Device and inode of an open file, which has this metadata.
pub fn identity_of(_: &File, metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// When a file was modified, in ns since 1970.
pub fn modified(metadata: &Metadata) -> i64 {
    metadata.mtime().wrapping_mul(1_000_000_000).wrapping_add(metadata.mtime_nsec())
}

/// The user who owns a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner(u32);

impl Owner {
    /// The owner of an open file, which has this metadata.
    pub fn of(_: &File, metadata: &Metadata) -> Owner {
        Owner(metadata.uid())
    }

    /// Whether what this user says in a file counts: root and the user who merges are trusted.
    pub fn is_trusted(self) -> bool {
        self.0 == 0 || self.0 == geteuid().as_raw()
    }
}

/// Whether a link or a pipe in `directory` may be followed or opened. Where everybody may put files (`/tmp`), it must
/// belong to a trusted user or to the owner of the directory, as Linux demands with `protected_symlinks` and
/// `protected_fifos`.
pub fn is_trusted_in(directory: &Path, found: &Metadata) -> bool {
    const STICKY_AND_WRITABLE_BY_ALL: u32 = 0o1002;
    fs::metadata(directory).is_ok_and(|directory| {
        directory.mode() & STICKY_AND_WRITABLE_BY_ALL != STICKY_AND_WRITABLE_BY_ALL
            || Owner(found.uid()).is_trusted()
            || found.uid() == directory.uid()
    })
}

/// Whether the user who runs this owns a file.
pub fn is_own(metadata: &Metadata) -> bool {
    metadata.uid() == getuid().as_raw()
}

/// Takes the lock of a file together with other readers, and returns whether nobody writes the file.
pub fn lock_shared(file: &File) -> io::Result<bool> {
    locked(rustix::fs::flock(file, FlockOperation::NonBlockingLockShared))
}

/// Takes the lock of a file for its writer, and returns whether it was free.
pub fn lock_exclusive(file: &File) -> io::Result<bool> {
    locked(rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive))
}

fn locked(result: Result<(), Errno>) -> io::Result<bool> {
    match result {
        Err(Errno::WOULDBLOCK) => Ok(false),
        other => Ok(other.map(|()| true)?),
    }
}

/// Gives the lock back.
pub fn unlock(file: &File) {
    let _ = rustix::fs::flock(file, FlockOperation::Unlock);
}

/// Where the next bytes are that are no hole, from an offset on; `None` if there are none.
pub fn next_data(file: &File, offset: u64) -> io::Result<Option<u64>> {
    match rustix::fs::seek(file, rustix::fs::SeekFrom::Data(offset)) {
        Err(Errno::NXIO) => Ok(None),
        found => Ok(found.map(Some)?),
    }
}

/// The free bytes where a file is.
pub fn free_space(file: &File) -> io::Result<u64> {
    let system = fstatvfs(file)?;
    Ok(system.f_bavail.saturating_mul(system.f_frsize))
}

/// Fails if this file takes a descriptor that others need more: files to read are opened one by one, but a snapshot
/// stays open until it is merged. Descriptors are assigned from the lowest number on, so the number shows how many are
/// in use.
pub fn check_descriptors(file: &File) -> io::Result<()> {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    match u64::try_from(file.as_raw_fd()) {
        Ok(number) if number < limit / 2 => Ok(()),
        _ => Err(Errno::MFILE.into()),
    }
}

/// So many files a process of macOS may open, where the limit may be called endless, but not be used so (`OPEN_MAX`).
const FEWER: u64 = 10240;

/// Raises the limit of open files as far as allowed: files of processes that still run stay open until they are
/// written.
pub fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raise = |current| setrlimit(Resource::Nofile, Rlimit { current, ..limit });
    let _ = raise(limit.maximum).or_else(|_| raise(limit.current.map(|current| current.max(FEWER))));
}

/// The error that a disk is full.
pub fn no_space() -> io::Error {
    Errno::NOSPC.into()
}

/// The error that something has the name already.
pub fn already_exists() -> io::Error {
    Errno::EXIST.into()
}

/// The error that links lead in a circle.
pub fn too_many_links() -> io::Error {
    Errno::LOOP.into()
}

/// The error with a number that a ring file holds.
pub fn recorded_error(number: u64) -> io::Error {
    io::Error::from_raw_os_error(number as i32)
}

/// Whether a process with this pid exists, as far as is known.
pub(super) fn exists(pid: i32) -> bool {
    Pid::from_raw(pid).is_some_and(|id| test_kill_process(id) != Err(Errno::SRCH))
}

/// How long at most Ctrl+C is not heeded while a list is read.
const PATIENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// Reads what comes within a tenth of a second; `None` if nothing does.
pub fn read_soon(from: impl AsOpen, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    let mut ready = [PollFd::new(&from, PollFlags::IN)];
    match poll(&mut ready, Some(&PATIENCE)) {
        Ok(0) | Err(Errno::INTR) => return Ok(None),
        Ok(_) => {}
        Err(error) => return Err(error.into()),
    }
    match rustix::io::read(&from, buffer) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(Errno::INTR) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The path with these bytes.
pub fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

/// Whether a path ends as that of a directory must.
pub fn ends_with_separator(path: &Path) -> bool {
    path.as_os_str().as_bytes().ends_with(b"/")
}

/// Standard output, as a file.
pub fn stdout() -> io::Result<File> {
    Ok(io::stdout().as_fd().try_clone_to_owned()?.into())
}

/// Whether this is a named pipe.
pub fn is_pipe(metadata: &Metadata) -> bool {
    metadata.file_type().is_fifo()
}

/// Opens a named pipe for writing; `None` if nobody reads it yet.
pub fn open_read_pipe(path: &Path) -> Option<io::Result<File>> {
    match open(path, OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty()) {
        Err(Errno::NXIO) => None,
        opened => Some(opened.map(File::from).map_err(io::Error::from)),
    }
}

/// Whether this is a path of a file that this process has open. If that is a regular file, the shell has opened it, and
/// it must not be replaced.
pub fn is_open_file(path: &Path) -> bool {
    ["/dev/stdout", "/dev/stderr", "/dev/fd", "/proc/self/fd"].iter().any(|name| path.starts_with(name))
}

/// Opens a device or a pipe for writing. `target` is where the links of the path lead. A path of an open file is opened
/// as it is, since no link leads to its target.
pub fn open_special(path: &Path, target: &Path) -> io::Result<File> {
    let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::NOCTTY).bits()).unwrap_or(0);
    match is_open_file(path) {
        true => OpenOptions::new().write(true).open(path),
        false => OpenOptions::new().write(true).custom_flags(flags).open(target),
    }
}

/// The mode of a new file before the umask is applied.
pub(super) const MODE: u32 = 0o666;

/// Lets temporary files have the mode that the umask gives to a new file.
pub fn with_usual_mode(builder: &mut tempfile::Builder<'_, '_>) {
    builder.permissions(Permissions::from_mode(MODE));
}

/// The same for temporary directories.
pub fn with_usual_directory_mode(builder: &mut tempfile::Builder<'_, '_>) {
    builder.permissions(Permissions::from_mode(0o777));
}

/// Keeps users out of a new file who could not read the one of this user that it replaces.
pub fn keep_out(file: &File, before: &Metadata) {
    if let Ok(new) = file.metadata().as_ref()
        && before.uid() == geteuid().as_raw()
    {
        let mode = new.mode() & before.mode() & 0o777;
        if mode != new.mode() & 0o777 {
            drop(file.set_permissions(Permissions::from_mode(mode)));
        }
    }
}
