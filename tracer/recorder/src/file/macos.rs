//! What the ring file asks of macOS.

use memmap2::MmapRaw;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use std::path::Path;

/// Gives a file another name that nothing has yet.
pub fn rename_to_new(from: &Path, to: &Path) -> Result<(), Errno> {
    renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)
}

/// There is no directory of shared memory.
pub fn shared_memory_device() -> Option<u64> {
    None
}

/// macOS cannot populate a part of a mapping: each page faults by itself, on the record path.
pub fn populate(_: &MmapRaw, _: usize, _: usize) -> Result<(), Errno> {
    Ok(())
}
