//! What the ring file asks of Linux.

use memmap2::{Advice, MmapRaw};
use rustix::fs::{self as unix, CWD, RenameFlags};
use rustix::io::Errno;
use std::path::Path;

/// Shared memory. A program that finds it full is killed by SIGBUS.
const SHARED_MEMORY: &str = "/dev/shm";

/// Gives a file another name that nothing has yet.
pub fn rename_to_new(from: &Path, to: &Path) -> Result<(), Errno> {
    unix::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)
}

/// The device of files in shared memory, which other programs need as well.
pub fn shared_memory_device() -> Option<u64> {
    unix::stat(SHARED_MEMORY).ok().map(|stat| stat.st_dev)
}

/// Touches the pages of an allocated range now, in one call, instead of one fault at a time on the record path; and
/// learns by an error, not by SIGBUS, if a page cannot be had.
pub fn populate(map: &MmapRaw, from: usize, to: usize) -> Result<(), Errno> {
    match map.advise_range(Advice::PopulateWrite, from, to - from).map_err(|e| Errno::from_io_error(&e)) {
        Err(Some(Errno::FAULT)) => Err(Errno::NOSPC),
        _ => Ok(()), // EINVAL: a kernel before 5.14, where each page faults by itself
    }
}
