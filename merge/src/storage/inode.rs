//! Which file a path leads to, whatever it is called.

use crate::system::{identity_at, identity_of};
use std::fs::{File, Metadata};
use std::path::Path;

/// What distinguishes a file from all others that exist at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Inode {
    /// The device that holds the file.
    pub device: u64,
    /// Its inode number there.
    pub number: u64,
}

impl Inode {
    /// The inode of the file at a path, which has this metadata.
    pub fn at(path: &Path, metadata: &Metadata) -> Inode {
        let (device, number) = identity_at(path, metadata);
        Inode { device, number }
    }

    /// The inode of an open file, which has this metadata.
    pub fn of(file: &File, metadata: &Metadata) -> Inode {
        let (device, number) = identity_of(file, metadata);
        Inode { device, number }
    }
}
