//! Whom to believe: what a file says counts only if it belongs to somebody who could deceive the user anyway.

/// Whether the file of a ring, or a source file, of this user may be believed: who merges and root are.
pub fn is_trusted(owner: u32) -> bool {
    owner == 0 || owner == rustix::process::geteuid().as_raw()
}
