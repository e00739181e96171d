//! What Linux and macOS do in the same way.

use rustix::fs::{self as unix, FileType, FlockOperation};
use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};
use rustix::process::geteuid;
use rustix::time::{ClockId, clock_gettime};
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::ptr;
use viztracer_format::header::HOST_MAX;
use viztracer_format::names::SourceIdentity;

/// The time of day, in ns since 1970.
pub fn realtime() -> u64 {
    nanoseconds(ClockId::Realtime)
}

/// The processor time of the process, in ns.
pub fn processor_time() -> u64 {
    nanoseconds(ClockId::ProcessCPUTime)
}

/// The processor time of the calling thread, in ns.
pub fn thread_time() -> u64 {
    nanoseconds(ClockId::ThreadCPUTime)
}

#[inline]
pub(super) fn nanoseconds(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// The pid of the parent; 0 under Miri, which has no `getppid`.
pub fn parent_pid() -> u32 {
    if cfg!(miri) { 0 } else { std::os::unix::process::parent_id() }
}

/// The name of the machine, filled up with NUL (uname(2)).
pub fn host() -> [u8; HOST_MAX] {
    let mut host = [0; HOST_MAX];
    if !cfg!(miri) {
        let names = rustix::system::uname();
        let name = names.nodename().to_bytes();
        let length = name.len().min(HOST_MAX);
        host[..length].copy_from_slice(&name[..length]);
    }
    host
}

/// The identity of the regular file to which the path leads now, if it does.
pub fn source_identity(path: &str) -> Option<SourceIdentity> {
    let stat = unix::stat(path).ok().filter(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile)?;
    let modified = (stat.st_mtime as i64).wrapping_mul(1_000_000_000).wrapping_add(stat.st_mtime_nsec as i64);
    Some(SourceIdentity {
        device: stat.st_dev as u64,
        inode: stat.st_ino as u64,
        size: stat.st_size as u64,
        modified: modified as u64,
    })
}

/// Device and inode of an open file.
pub fn identity(file: impl AsFd) -> Option<(u64, u64)> {
    let stat = unix::fstat(file).ok()?;
    Some((stat.st_dev as u64, stat.st_ino as u64))
}

/// Whether an open file still has a name; `None` if that cannot be known.
pub fn is_linked(file: impl AsFd) -> Option<bool> {
    unix::fstat(file).ok().map(|stat| stat.st_nlink > 0)
}

/// Opens a file for reading. A link in its place is refused, and a pipe does not make the caller wait.
pub fn open_unfollowed(path: &Path) -> io::Result<File> {
    let flags = unix::OFlags::RDONLY | unix::OFlags::CLOEXEC | unix::OFlags::NOFOLLOW | unix::OFlags::NONBLOCK;
    Ok(unix::open(path, flags, unix::Mode::empty())?.into())
}

/// Whether this is a regular file that only this user may open.
pub fn is_private(file: &File) -> io::Result<bool> {
    let metadata = file.metadata()?;
    Ok(metadata.is_file() && metadata.uid() == geteuid().as_raw() && metadata.mode() & 0o077 == 0)
}

/// Reads from an offset, as far as one call does.
pub fn read_at(file: &File, to: &mut [u8], offset: u64) -> io::Result<usize> {
    file.read_at(to, offset)
}

/// Takes the lock of a file, which readers find held for as long as the file is open. `false`: another one holds it.
/// Miri has no locks of files.
pub fn try_lock(file: impl AsFd) -> io::Result<bool> {
    if cfg!(miri) {
        return Ok(true);
    }
    match unix::flock(file, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => Ok(false),
        locked => Ok(locked.map(|()| true)?),
    }
}

/// Replaces a whole mapping of a file by memory, and returns whether that succeeded. Does only what a signal handler
/// may do.
///
/// # Safety
/// The range must be a mapping of this process in which each value of each byte is valid.
pub unsafe fn replace_by_memory(base: usize, length: usize) -> bool {
    let flags = MapFlags::PRIVATE | MapFlags::FIXED | MapFlags::NORESERVE;
    let address = ptr::with_exposed_provenance_mut(base);
    // SAFETY: as the caller promises.
    unsafe { mmap_anonymous(address, length, ProtFlags::READ | ProtFlags::WRITE, flags) }.is_ok()
}

/// The error with a number that a ring file holds: those of the system are.
pub fn recorded_error(number: i32) -> io::Error {
    io::Error::from_raw_os_error(number)
}
