//! A descriptor of ours in a process whose program may close it, and open something else under its number.

use crate::file::{identity, out_of_the_way};
use std::io;
use std::os::fd::{BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};

/// An open file, under a high number, and what tells it from another file: device and inode. Dropping this leaves it
/// open.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KnownFile {
    pub number: RawFd,
    identity: (u64, u64),
}

impl KnownFile {
    /// Takes an open file over.
    ///
    /// # Errors
    /// The file system does not say which file it is.
    pub fn new(file: OwnedFd) -> io::Result<KnownFile> {
        let file = out_of_the_way(file);
        let identity = identity(&file).ok_or(io::ErrorKind::NotFound)?;
        Ok(KnownFile { number: file.into_raw_fd(), identity })
    }

    /// The descriptor, unless the program has closed it.
    pub fn borrowed(&self) -> Option<BorrowedFd<'_>> {
        // SAFETY: the number is borrowed for system calls, which fail if nothing is open under it.
        let file = unsafe { BorrowedFd::borrow_raw(self.number) };
        (identity(file) == Some(self.identity)).then_some(file)
    }

    /// Closes the file, unless the program has. The caller has no copy of this left.
    pub fn close(self) {
        if self.borrowed().is_some() {
            // SAFETY: it is our file, and nothing else owns the number: the caller's promise.
            drop(unsafe { OwnedFd::from_raw_fd(self.number) });
        }
    }
}
