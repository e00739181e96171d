//! A descriptor of ours in a process whose program may close it, and open something else under its number.

use crate::file::out_of_the_way;
use crate::system::identity;
use std::fs::File;
use std::io;
use std::mem::ManuallyDrop;
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
    pub fn new(file: File) -> io::Result<KnownFile> {
        let file = out_of_the_way(file.into());
        let identity = identity(&file).ok_or(io::ErrorKind::NotFound)?;
        Ok(KnownFile { number: file.into_raw_fd(), identity })
    }

    /// The file, unless the program has closed it.
    pub fn borrowed(&self) -> Option<ManuallyDrop<File>> {
        // SAFETY: the number is borrowed for system calls, which fail if nothing is open under it.
        let is_ours = identity(unsafe { BorrowedFd::borrow_raw(self.number) }) == Some(self.identity);
        // SAFETY: it is our file, and what is returned does not close it.
        is_ours.then(|| ManuallyDrop::new(unsafe { File::from_raw_fd(self.number) }))
    }

    /// Closes the file, unless the program has. The caller has no copy of this left.
    pub fn close(self) {
        if self.borrowed().is_some() {
            // SAFETY: it is our file, and nothing else owns the number: the caller's promise.
            drop(unsafe { OwnedFd::from_raw_fd(self.number) });
        }
    }
}
