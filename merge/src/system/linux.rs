//! Linux.

use super::unix::{MODE, UNBLOCKED, exists};
use rustix::fs::{AtFlags, CWD, FallocateFlags, Mode, OFlags, ResolveFlags, fallocate, linkat, openat2};
use rustix::io::Errno;
use rustix::time::{ClockId, clock_gettime};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use viztracer_format::process_stat::ProcessStat;

/// The clock of the recorder, in ns.
pub fn monotonic() -> i64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec.saturating_mul(1_000_000_000).saturating_add(now.tv_nsec)
}

/// What a time namespace adds to that clock, in ns (time_namespaces(7)).
pub fn monotonic_offset() -> i64 {
    offset(&fs::read_to_string("/proc/self/timens_offsets").unwrap_or_default())
}

fn offset(offsets: &str) -> i64 {
    let line = offsets.lines().find(|line| line.starts_with("monotonic")).unwrap_or_default();
    let mut numbers = line.split_whitespace().skip(1).map(|number| number.parse::<i64>().unwrap_or(0));
    let (seconds, nanoseconds) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds)
}

/// The random number of this boot, in hexadecimal digits; empty if unknown.
pub fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default()
}

/// Where runs put their files if they are not told where.
pub fn run_directory() -> PathBuf {
    PathBuf::from("/dev/shm")
}

/// What `/proc` says of the process with this pid; `None` if there is none, or it cannot be read.
fn stat(pid: u32) -> Option<ProcessStat> {
    ProcessStat::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Whether the process that had this pid and this start time (0 if unknown) still runs.
pub fn is_running_since(pid: u32, start: u64) -> bool {
    start != 0 && stat(pid).is_some_and(|stat| stat.start == start && !stat.has_ended())
}

/// Whether any process with this pid may run. One that waits for its parent to notice its end does not.
pub fn may_run(pid: i32) -> bool {
    exists(pid) && !stat(pid.unsigned_abs()).is_some_and(|stat| stat.has_ended())
}

/// Takes the space of a file at once, so that snapshots that are made at the same time do not all count on it. Some file
/// systems cannot do that.
pub fn reserve(file: &File, length: u64) -> io::Result<()> {
    match fallocate(file, FallocateFlags::KEEP_SIZE, 0, length) {
        Ok(()) | Err(Errno::OPNOTSUPP) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Frees the disk space of a part of a file that is not read any more. Not every file system can; then the file just
/// stays as large as it is.
pub fn free(file: &File, at: u64, length: u64) {
    let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    let _ = fallocate(file, hole, at, length);
}

/// Makes a file without a name, if it can get one later.
pub fn new_unnamed(directory: &Path) -> Option<File> {
    let flags = i32::try_from(OFlags::TMPFILE.bits()).ok()?;
    let file = OpenOptions::new().write(true).mode(MODE).custom_flags(flags).open(directory).ok()?;
    fs::metadata(link_to(&file)).is_ok().then_some(file)
}

/// The path by which an open file can be linked.
fn link_to(file: &File) -> PathBuf {
    format!("/proc/self/fd/{}", file.as_raw_fd()).into()
}

/// Gives a file without a name one that no other file has.
pub fn link_unnamed(file: &File, name: &Path) -> io::Result<()> {
    Ok(linkat(CWD, link_to(file), CWD, name, AtFlags::SYMLINK_FOLLOW)?)
}

/// Opens a regular file below a directory, wherever links lead, and returns the path that it has without links.
pub fn open_beneath(directory: &File, path: &Path) -> io::Result<(File, PathBuf)> {
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
    let resolved = fs::read_link(link_to(&file))?;
    Ok((file, resolved))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_of_a_time_namespace() {
        assert_eq!(offset("monotonic         100   5\nboottime 0 0\n"), 100_000_000_005);
        assert_eq!((offset("monotonic -3 0\n"), offset("")), (-3_000_000_000, 0));
    }
}
