//! Whose files are trusted: those of a user who could deceive the caller anyway.

use rustix::process::geteuid;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Whether what this user says in a file counts: root and the user who merges are trusted.
pub fn is_trusted(owner: u32) -> bool {
    owner == 0 || owner == geteuid().as_raw()
}

/// Whether a link or a pipe in `directory` may be followed or opened. Where everybody may put files (`/tmp`), it must
/// belong to a trusted user or to the owner of the directory, as the kernel demands with `protected_symlinks` and
/// `protected_fifos`.
pub fn is_trusted_in(directory: &Path, found: &Metadata) -> bool {
    const STICKY_AND_WRITABLE_BY_ALL: u32 = 0o1002;
    fs::metadata(directory).is_ok_and(|directory| {
        directory.mode() & STICKY_AND_WRITABLE_BY_ALL != STICKY_AND_WRITABLE_BY_ALL
            || is_trusted(found.uid())
            || found.uid() == directory.uid()
    })
}
