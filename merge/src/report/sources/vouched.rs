//! Source files that a ring file vouches for: what its process saw at a path, and nothing else that is there now.

use super::left_out::Reason;
use super::opened::OpenedSource;
use crate::storage::open::unblocked_unfollowed;
use crate::storage::trust::is_trusted;
use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use viztracer_format::names::SourceIdentity;

/// Opens the file at `path`, if it is one of `known` and belongs to root or to the user that merges.
pub fn open(path: &str, known: &BTreeSet<SourceIdentity>) -> Result<OpenedSource, Reason> {
    let is_known = |m: &Metadata| m.is_file() && known.contains(&identity(m));
    let resolved = fs::canonicalize(path).map_err(|_| Reason::Changed)?;
    // Opening a device may do something, so it is looked at before.
    if !fs::symlink_metadata(&resolved).is_ok_and(|metadata| is_known(&metadata)) {
        return Err(Reason::Changed);
    }
    let file = unblocked_unfollowed(&resolved).map_err(|_| Reason::Changed)?;
    let metadata = file.metadata().map_err(|_| Reason::Changed)?;
    match (is_known(&metadata), is_trusted(metadata.uid())) {
        (false, _) => Err(Reason::Changed),
        (true, false) => Err(Reason::Foreign),
        (true, true) => Ok(OpenedSource { file, resolved }),
    }
}

/// The identity of a file, as the recorder writes it.
fn identity(metadata: &Metadata) -> SourceIdentity {
    let modified = metadata.mtime().wrapping_mul(1_000_000_000).wrapping_add(metadata.mtime_nsec());
    let (device, inode, size) = (metadata.dev(), metadata.ino(), metadata.len());
    SourceIdentity { device, inode, size, modified: modified as u64 }
}
