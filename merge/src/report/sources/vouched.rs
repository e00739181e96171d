//! Source files that a ring file vouches for: what its process saw at a path, and nothing else that is there now.

use super::left_out::Reason;
use super::opened::OpenedSource;
use crate::storage::inode::Inode;
use crate::system::{Owner, modified, open_unfollowed};
use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use viztracer_format::names::SourceIdentity;

/// Opens the file at `path`, if it is one of `known` and belongs to root or to the user that merges.
pub fn open(path: &str, known: &BTreeSet<SourceIdentity>) -> Result<OpenedSource, Reason> {
    let is_known = |inode: Inode, m: &Metadata| m.is_file() && known.contains(&identity(inode, m));
    let resolved = fs::canonicalize(path).map_err(|_| Reason::Changed)?;
    // Opening a device may do something, so it is looked at before.
    if !fs::symlink_metadata(&resolved).is_ok_and(|m| is_known(Inode::at(&resolved, &m), &m)) {
        return Err(Reason::Changed);
    }
    let file = open_unfollowed(&resolved).map_err(|_| Reason::Changed)?;
    let metadata = file.metadata().map_err(|_| Reason::Changed)?;
    match (is_known(Inode::of(&file, &metadata), &metadata), Owner::of(&file, &metadata).is_trusted()) {
        (false, _) => Err(Reason::Changed),
        (true, false) => Err(Reason::Foreign),
        (true, true) => Ok(OpenedSource { file, resolved }),
    }
}

/// The identity of a file, as the recorder writes it.
fn identity(inode: Inode, metadata: &Metadata) -> SourceIdentity {
    let Inode { device, number } = inode;
    SourceIdentity { device, inode: number, size: metadata.len(), modified: modified(metadata) as u64 }
}
