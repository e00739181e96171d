//! An open file that stays open until it is closed. Programs on Windows do not close handles that they have not opened.

use std::fs::File;
use std::io;
use std::mem::ManuallyDrop;
use std::os::windows::io::{FromRawHandle, IntoRawHandle, OwnedHandle, RawHandle};

/// An open file. Dropping this leaves it open.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KnownFile {
    handle: RawHandle,
}

// SAFETY: a handle is a number, which any thread may use.
unsafe impl Send for KnownFile {}

impl KnownFile {
    /// Takes an open file over.
    ///
    /// # Errors
    /// There are none here.
    pub fn new(file: File) -> io::Result<KnownFile> {
        Ok(KnownFile { handle: file.into_raw_handle() })
    }

    /// The file.
    pub fn borrowed(&self) -> Option<ManuallyDrop<File>> {
        // SAFETY: the handle is open until `close`, which takes this, and what is returned does not close it.
        Some(ManuallyDrop::new(unsafe { File::from_raw_handle(self.handle) }))
    }

    /// Closes the file. The caller has no copy of this left.
    pub fn close(self) {
        // SAFETY: nothing else owns the handle: the caller's promise.
        drop(unsafe { OwnedHandle::from_raw_handle(self.handle) });
    }
}
