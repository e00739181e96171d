//! Opening files that others have made: a path may lead to a pipe or a device by now.

use rustix::fs::OFlags;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Flags for reading what may not be a file: opening a pipe waits for no writer, and a terminal does not become ours.
pub const UNBLOCKED: OFlags = OFlags::NONBLOCK.union(OFlags::NOCTTY);

/// Opens a path for reading. A pipe is opened at once, whether or not it has a writer.
pub fn unblocked(path: &Path) -> io::Result<File> {
    open(path, UNBLOCKED)
}

/// Opens a path as [`unblocked`] does, unless a symbolic link stands there.
pub fn unblocked_unfollowed(path: &Path) -> io::Result<File> {
    open(path, UNBLOCKED | OFlags::NOFOLLOW)
}

fn open(path: &Path, flags: OFlags) -> io::Result<File> {
    // The standard library takes the flags as the C type, and adds O_CLOEXEC.
    let flags = flags.bits().cast_signed();
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}
