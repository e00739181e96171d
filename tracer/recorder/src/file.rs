//! The ring file as the operating system sees it: created under a temporary name, mapped once, grown by ranges that are
//! allocated before they are touched, and locked for life.
//!
//! The mapping covers all that the file may ever become, so it ends behind the file's end; nothing is touched there
//! before [`RingFile::grow`] has allocated it. A store can therefore never meet a page without a block behind it, which
//! is what kills other tracers with SIGBUS when a disk fills up.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;

use crate::clock::Clock;
use crate::error::{FileAction, RecorderError};
use crate::file_lock::lock;
use crate::last_act;
use crate::process;
use crate::system::{self, identity};
#[cfg(target_os = "linux")]
use linux::{populate, rename_to_new, shared_memory_device};
#[cfg(target_os = "macos")]
use macos::{populate, rename_to_new, shared_memory_device};
use memmap2::{MmapOptions, MmapRaw};
use rustix::fs::{self as unix, Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};
use std::fs::File;
use std::io::IoSlice;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI32, Ordering};
use viztracer_format::header::{HEADER_SIZE, Status};

/// A descriptor number that programs which count theirs from 3 do not meet.
const HIGH_DESCRIPTOR: i32 = 200;

/// Zeros that are written together, and how many of these one call writes.
const BLOCK: usize = 4096;
const BLOCKS_PER_WRITE: usize = 64;

/// A mapped file that grows.
#[derive(Debug)]
pub struct RingFile {
    map: MmapRaw,
    /// The descriptor's number, -1 once it is given up.
    descriptor: AtomicI32,
    identity: (u64, u64),
    path: PathBuf,
    /// Whether it is in shared memory, which other programs need as well.
    is_shared: bool,
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
        let unique = u128::from_le_bytes(process::random_id()); // two containers may share a directory and a pid
        let temporary = directory.join(format!(".{stem}.{unique:032x}.new"));
        let error = |action, path: &Path, errno: Errno| RecorderError::File {
            action,
            path: path.to_owned(),
            source: errno.into(),
        };
        let file = open_new(&temporary).map_err(|errno| error(FileAction::Create, directory, errno))?;
        let made = fill(&file, header)
            .map_err(|errno| error(FileAction::Write, &temporary, errno))
            .and_then(|()| map(&file, capacity).map_err(|errno| error(FileAction::Map, &temporary, errno)))
            .and_then(|map| {
                let path =
                    publish(&temporary, directory, stem).map_err(|errno| error(FileAction::Name, &temporary, errno))?;
                Ok((map, path))
            });
        match made {
            Ok((map, path)) => {
                let identity = identity(&file).unwrap_or_default();
                let is_shared = shared_memory_device() == Some(identity.0);
                Ok(RingFile { map, identity, path, is_shared, descriptor: AtomicI32::new(file.into_raw_fd()) })
            }
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
        self.map.as_mut_ptr()
    }

    /// The changing part of the header.
    pub fn status(&self) -> &Status {
        // SAFETY: the header page is allocated from the beginning and `Status` is atomic words at an aligned offset.
        unsafe { &*self.base().add(viztracer_format::header::STATUS_OFFSET).cast() }
    }

    /// The number of bytes that the file can have, by the limit on files and by the free space on the disk.
    pub fn available(&self) -> u64 {
        let limit = getrlimit(Resource::Fsize).current.unwrap_or(u64::MAX);
        let disk = self.descriptor().and_then(unix::fstatvfs);
        let free = disk.map_or(u64::MAX, |disk| disk.f_bavail.saturating_mul(disk.f_frsize));
        limit.min(free.saturating_add(HEADER_SIZE as u64))
    }

    /// Makes this the file into which [`last_act`] stores how the process ends.
    pub fn follow(&self, clock: Clock) {
        last_act::follow(self.status(), (self.base(), self.map.len()), clock);
    }

    /// Ends [`RingFile::follow`].
    pub fn unfollow(&self) {
        last_act::forget(self.base());
    }

    /// Allocates the bytes from `from` to `to`, so that they can be touched. `Err` holds the system's error number.
    pub fn grow(&self, from: usize, to: usize) -> Result<(), i32> {
        self.allocate(from, to).map_err(Errno::raw_os_error)
    }

    fn allocate(&self, from: usize, to: usize) -> Result<(), Errno> {
        if last_act::is_cut() {
            return Err(Errno::IO);
        }
        let file = self.descriptor()?;
        if self.is_shared {
            leave_a_quarter(file, to - from)?;
        }
        allocate(file, from, to)?;
        populate(&self.map, from, to)
    }

    /// The file's descriptor: a new one if the program has closed ours, as daemons close all that they find.
    fn descriptor(&self) -> Result<BorrowedFd<'_>, Errno> {
        let mut number = self.descriptor.load(Ordering::Relaxed);
        if number < 0 {
            return Err(Errno::BADF);
        }
        if !self.is_ours(number) {
            // Something else may have its name by now; opening that must neither wait nor follow.
            let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
            let file = unix::open(&self.path, flags, Mode::empty())?;
            if identity(&file) != Some(self.identity) {
                return Err(Errno::BADF); // removed, and something else has its name
            }
            number = out_of_the_way(file).into_raw_fd();
            self.descriptor.store(number, Ordering::Relaxed);
        }
        // SAFETY: the number is that of our file, and is borrowed for one system call.
        Ok(unsafe { BorrowedFd::borrow_raw(number) })
    }

    /// Ends the mapping and the lock, and cuts the file to `length` bytes.
    pub fn close(self, length: usize) {
        let _ = self.descriptor();
        let descriptor = self.take_descriptor();
        drop(self);
        if let Some(file) = descriptor.filter(|_| !last_act::is_cut()) {
            let _ = unix::ftruncate(&file, length as u64);
        }
    }

    /// Gives up the descriptor, but not the mapping, which holds the lock. For a forked child, where both are the
    /// parent's; does only what a signal handler may do.
    pub fn forget_descriptor(&self) {
        last_act::forget_parents();
        drop(self.take_descriptor());
    }

    /// Gives up the mapping, and with it the lock.
    ///
    /// # Safety
    ///
    /// Nobody may touch the file's bytes again, nor drop this.
    pub unsafe fn forget_mapping(&self) {
        last_act::forget(self.base());
        // SAFETY: the whole of our mapping, which nobody uses any more.
        let _ = unsafe { rustix::mm::munmap(self.map.as_mut_ptr().cast(), self.map.len()) };
    }

    /// Whether the file still has a name. A file that this process cannot reach counts as one that has.
    pub fn is_linked(&self) -> bool {
        let found = self.descriptor().map(system::is_linked);
        found.map_or_else(|errno| errno != Errno::NOENT, |is_linked| is_linked.unwrap_or(true))
    }

    /// The descriptor, unless the program has closed it and perhaps opened something else under its number.
    fn take_descriptor(&self) -> Option<OwnedFd> {
        let number = self.descriptor.swap(-1, Ordering::Relaxed);
        if number < 0 {
            return None;
        }
        // SAFETY: it is our file, and the swap above made this the only owner.
        self.is_ours(number).then(|| unsafe { OwnedFd::from_raw_fd(number) })
    }

    /// Whether a descriptor still stands for this file. The program may have closed it and opened another one.
    fn is_ours(&self, number: i32) -> bool {
        // SAFETY: the number is borrowed for one system call, which fails if nothing is open under it.
        identity(unsafe { BorrowedFd::borrow_raw(number) }) == Some(self.identity)
    }
}

impl Drop for RingFile {
    fn drop(&mut self) {
        last_act::forget(self.base());
        drop(self.take_descriptor());
    }
}

fn open_new(path: &Path) -> Result<File, Errno> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let file = out_of_the_way(unix::open(path, flags, Mode::RUSR | Mode::WUSR)?).into();
    // Without the lock, as on some network file systems, readers ask for the process instead.
    let _ = lock(&file);
    Ok(file)
}

/// The same file under a high descriptor number if one is free, else under one that is no standard stream's.
pub(crate) fn out_of_the_way(file: OwnedFd) -> OwnedFd {
    let free = [HIGH_DESCRIPTOR, 3].iter().find_map(|least| rustix::io::fcntl_dupfd_cloexec(&file, *least).ok());
    free.unwrap_or(file)
}

fn fill(file: &File, header: &[u8; HEADER_SIZE]) -> Result<(), Errno> {
    allocate(file, 0, HEADER_SIZE)?;
    file.write_all_at(header, 0).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
}

fn map(file: &File, capacity: usize) -> Result<MmapRaw, Errno> {
    let map = MmapOptions::new()
        .len(capacity)
        .map_raw(file.as_raw_fd())
        .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::NOMEM))?;
    populate(&map, 0, HEADER_SIZE)?;
    Ok(map)
}

/// Gives the file a name that nothing has yet.
fn publish(temporary: &Path, directory: &Path, stem: &str) -> Result<PathBuf, Errno> {
    let names = std::iter::once(format!("{stem}.bin")).chain((1..).map(|image| format!("{stem}_{image}.bin")));
    for name in names {
        let path = directory.join(name);
        match rename_to_new(temporary, &path) {
            Err(Errno::EXIST) => {}
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => match unix::link(temporary, &path) {
                Err(Errno::EXIST) => {}
                linked => {
                    linked?;
                    let _ = unix::unlink(temporary);
                    return Ok(path);
                }
            },
            renamed => return renamed.map(|()| path),
        }
    }
    Err(Errno::EXIST)
}

/// Refuses to take so many bytes of shared memory if less than a quarter of all of it were left.
fn leave_a_quarter(file: impl AsFd, bytes: usize) -> Result<(), Errno> {
    let stat = unix::fstatvfs(file)?;
    let blocks = (bytes as u64).div_ceil(stat.f_frsize.max(1));
    // One without a limit says 0 of all.
    let is_enough = stat.f_blocks == 0 || stat.f_bavail >= blocks + stat.f_blocks / 4;
    if is_enough { Ok(()) } else { Err(Errno::NOSPC) }
}

/// The limit on this process's address space, in bytes, if there is one.
pub fn address_space() -> Option<usize> {
    getrlimit(Resource::As).current.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX))
}

/// Allocates blocks on the disk, or pages of the tmpfs, for a range of the file, by writing zeros: the file system has
/// then reserved the space, and the pages are in its cache. With what [`populate`] adds this costs 5 ns per record on
/// ext4 and 9.5 on tmpfs; `fallocate` costs 20 and 10.5, since every fault must then turn an unwritten block into a
/// written one. Asks the limit first, since passing it would raise SIGXFSZ.
fn allocate(file: impl AsFd, from: usize, to: usize) -> Result<(), Errno> {
    if getrlimit(Resource::Fsize).current.is_some_and(|limit| to as u64 > limit) {
        return Err(Errno::FBIG);
    }
    let zeros = [IoSlice::new(&[0; BLOCK]); BLOCKS_PER_WRITE];
    let mut at = from;
    while at < to {
        let blocks = (to - at).div_ceil(BLOCK).min(BLOCKS_PER_WRITE);
        match rustix::io::pwritev(&file, &zeros[..blocks], at as u64)? {
            0 => return Err(Errno::NOSPC),
            written => at += written,
        }
    }
    Ok(())
}
