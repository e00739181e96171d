//! The ring [`file`](self) on Windows: created under a temporary name, mapped once, and locked for life.
//!
//! A mapping there cannot be longer than its file. So the file has its whole length from the beginning, but takes space
//! only for what is written (a sparse file). [`RingFile::grow`] writes zeros before anything is touched: a store into a
//! part for which the disk has no space would end the program. A process that is killed leaves a file of that length,
//! behind whose last segment there is nothing.
//!
//! Programs on Windows neither fork nor close what they have not opened, so that much of what the file of other systems
//! guards against cannot happen.

use crate::clock::Clock;
use crate::error::{FileAction, RecorderError};
use crate::file_lock::lock;
use crate::last_act;
use crate::process;
use crate::system::{free_space, is_linked, make_sparse, recorded_number, rename_to_new};
use memmap2::{MmapOptions, MmapRaw};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::windows::fs::FileExt;
use std::path::{Path, PathBuf};
use viztracer_format::header::{HEADER_SIZE, STATUS_OFFSET, Status};

/// The zeros that one call writes.
static ZEROS: [u8; 1 << 14] = [0; 1 << 14];

/// A mapped file that grows.
#[derive(Debug)]
pub struct RingFile {
    mapping: Mapping,
    file: File,
    path: PathBuf,
}

/// The mapping of the file. Its end is the end of [`RingFile::follow`].
#[derive(Debug)]
struct Mapping(MmapRaw);

impl Drop for Mapping {
    fn drop(&mut self) {
        last_act::forget(self.0.as_mut_ptr());
    }
}

impl RingFile {
    /// Creates `<directory>/<stem>.bin`, or `<stem>_1.bin` and so on if that exists. The file holds the header page and
    /// can grow to `capacity` bytes.
    pub fn create(
        directory: &Path,
        stem: &str,
        header: &[u8; HEADER_SIZE],
        capacity: usize,
    ) -> Result<RingFile, RecorderError> {
        let unique = u128::from_le_bytes(process::random_id());
        let temporary = directory.join(format!(".{stem}.{unique:032x}.new"));
        let error = |action, path: &Path, source| RecorderError::File { action, path: path.to_owned(), source };
        let file = open_new(&temporary).map_err(|reason| error(FileAction::Create, directory, reason))?;
        let made = file
            .seek_write(header, 0)
            .map_err(|reason| error(FileAction::Write, &temporary, reason))
            .and_then(|_| map(&file, capacity).map_err(|reason| error(FileAction::Map, &temporary, reason)))
            .and_then(|map| {
                let named = publish(&temporary, directory, stem);
                Ok((map, named.map_err(|reason| error(FileAction::Name, &temporary, reason))?))
            });
        match made {
            Ok((map, path)) => Ok(RingFile { mapping: Mapping(map), file, path }),
            Err(error) => {
                let _ = std::fs::remove_file(&temporary);
                Err(error)
            }
        }
    }

    /// The file's path when it was created.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The first byte of the mapping.
    pub fn base(&self) -> *mut u8 {
        self.mapping.0.as_mut_ptr()
    }

    /// The changing part of the header.
    pub fn status(&self) -> &Status {
        // SAFETY: the header page is written from the beginning and `Status` is atomic words at an aligned offset.
        unsafe { &*self.base().add(STATUS_OFFSET).cast() }
    }

    /// The number of bytes that the file can have, by the free space on the disk.
    pub fn available(&self) -> u64 {
        let free = self.path.parent().and_then(free_space).unwrap_or(u64::MAX);
        free.saturating_add(HEADER_SIZE as u64)
    }

    /// Makes this the file into which [`last_act`] stores how the process ends.
    pub fn follow(&self, clock: Clock) {
        last_act::follow(self.status(), (self.base(), self.mapping.0.len()), clock);
    }

    /// Ends [`RingFile::follow`].
    pub fn unfollow(&self) {
        last_act::forget(self.base());
    }

    /// Takes space for the bytes from `from` to `to`, so that they can be touched. `Err` holds Linux's error number.
    pub fn grow(&self, from: usize, to: usize) -> Result<(), i32> {
        let mut at = from;
        while at < to {
            match self.file.seek_write(&ZEROS[..(to - at).min(ZEROS.len())], at as u64) {
                Ok(0) => return Err(recorded_number(&io::ErrorKind::StorageFull.into())),
                Ok(written) => at += written,
                Err(error) => return Err(recorded_number(&error)),
            }
        }
        Ok(())
    }

    /// Ends the mapping and the lock, and cuts the file to `length` bytes.
    pub fn close(self, length: usize) {
        let RingFile { mapping, file, .. } = self;
        drop(mapping); // a file that is mapped cannot be cut
        let _ = file.set_len(length as u64);
    }

    /// There is no forked child, whose file this could be.
    pub fn forget_descriptor(&self) {
        last_act::forget_parents();
    }

    /// There is no forked child, which would have to give up the mapping.
    ///
    /// # Safety
    /// There is nothing to promise.
    pub unsafe fn forget_mapping(&self) {}

    /// Whether the file still has a name. If that cannot be known, it counts as one that has.
    pub fn is_linked(&self) -> bool {
        is_linked(&self.file).unwrap_or(true)
    }
}

fn open_new(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
    // Without the lock, as on some network file systems, readers ask for the process instead.
    let _ = lock(&file);
    Ok(file)
}

fn map(file: &File, capacity: usize) -> io::Result<MmapRaw> {
    make_sparse(file);
    file.set_len(capacity as u64)?;
    MmapOptions::new().len(capacity).map_raw(file)
}

/// Gives the file a name that nothing has yet.
fn publish(temporary: &Path, directory: &Path, stem: &str) -> io::Result<PathBuf> {
    let names = std::iter::once(format!("{stem}.bin")).chain((1..).map(|image| format!("{stem}_{image}.bin")));
    for name in names {
        let path = directory.join(name);
        match rename_to_new(temporary, &path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            renamed => return renamed.map(|()| path),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// There is no limit on the address space of a process.
pub fn address_space() -> Option<usize> {
    None
}
