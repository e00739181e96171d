//! Which file a path leads to, whatever it is called.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

/// What distinguishes a file from all others that exist at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Inode {
    /// The device that holds the file.
    pub device: u64,
    /// Its inode number there.
    pub number: u64,
}

impl Inode {
    /// The inode of the file with this metadata.
    pub fn of(metadata: &Metadata) -> Inode {
        Inode { device: metadata.dev(), number: metadata.ino() }
    }
}
