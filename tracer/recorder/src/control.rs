//! The control block of a run: a page of shared memory in which its processes count themselves.
//!
//! ```text
//!  0  magic    "VIZCTRL\n"
//!  8  over     1: the first process merges what there is, and no other may join
//! 16  joined   processes that record
//! 24  refused  processes that should record and cannot
//! ```
//!
//! It holds no ring: those are files, which outlive a killed process, and this lives only as long as the run. The first
//! process keeps a lock on it, under a high descriptor number, so that runs in other containers, where its pid means
//! nothing or another process, see that it is in use. The other processes open it only at their start. A run without
//! `/dev/shm` has no block.

use crate::file::{identity, out_of_the_way};
use crate::lock::ignore_poison;
use rustix::fs::{FlockOperation, Mode, OFlags, flock};
use rustix::process::{Pid, test_kill_process};
use shared_memory::{Shmem, ShmemConf, ShmemError};
use std::io;
use std::os::fd::{BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const MAGIC: u64 = u64::from_le_bytes(*b"VIZCTRL\n");
const SIZE: usize = 4096;
const PREFIX: &str = "viztracer_control_";
/// The directory of named shared memory on Linux.
const DIRECTORY: &str = "/dev/shm";
/// A younger block may belong to a run that is about to lock it.
const SETTLED: Duration = Duration::from_secs(10);

/// The blocks on which this process holds a lock.
static HELD: Mutex<Vec<Held>> = Mutex::new(Vec::new());

/// A block's name, and the descriptor that holds the lock. The program may have closed the descriptor and opened
/// another file under its number, so device and inode are compared.
struct Held {
    name: String,
    descriptor: RawFd,
    identity: Option<(u64, u64)>,
}

#[repr(C)]
struct ControlBlock {
    magic: AtomicU64,
    over: AtomicU64,
    joined: AtomicU64,
    refused: AtomicU64,
}
const _: () = assert!(size_of::<ControlBlock>() <= SIZE);

/// What the processes of a run have counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Processes that recorded.
    pub joined: u64,
    /// Processes that should have and could not.
    pub refused: u64,
}

/// Makes the control block of a run whose first process this is. Returns its name. Removes the blocks of killed runs.
///
/// # Errors
/// There is no shared memory, or no space in it.
pub fn create() -> io::Result<String> {
    remove_stale();
    let random = crate::process::random_id().iter().take(6).fold(String::new(), |id, byte| format!("{id}{byte:02x}"));
    let name = format!("{PREFIX}{}_{random}", std::process::id());
    let mut memory = ShmemConf::new().size(SIZE).os_id(&name).create().map_err(other)?;
    // A page that does not exist yet costs SIGBUS when memory is full; writing it costs an error.
    std::fs::write(format!("{DIRECTORY}/{name}"), [0; SIZE])?;
    block(&memory)?.magic.store(MAGIC, Ordering::Release);
    memory.set_owner(false); // it stays when this goes
    hold(&name)?;
    Ok(name)
}

/// Locks the block for the first process of its run, until the run is over or the process ends.
///
/// # Errors
/// There is no such block, or another process holds its lock.
pub fn hold(name: &str) -> io::Result<()> {
    let file = open_file(&Path::new(DIRECTORY).join(checked(name)?))?;
    let file = out_of_the_way(file);
    flock(&file, FlockOperation::NonBlockingLockExclusive)?;
    let held = Held { name: name.to_owned(), identity: identity(&file), descriptor: file.into_raw_fd() };
    ignore_poison(HELD.lock()).push(held);
    Ok(())
}

/// Unlocks the block with this name.
fn let_go(name: &str) {
    let mut all = ignore_poison(HELD.lock());
    let Some(index) = all.iter().position(|held| held.name == name) else { return };
    let held = all.swap_remove(index);
    // SAFETY: the number is borrowed for one system call, which fails if nothing is open under it.
    if held.identity.is_some() && identity(unsafe { BorrowedFd::borrow_raw(held.descriptor) }) == held.identity {
        // SAFETY: it is our file, and its entry was just removed from the list, so nothing else owns the number.
        drop(unsafe { OwnedFd::from_raw_fd(held.descriptor) });
    }
}

fn open_file(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    Ok(rustix::fs::open(path, flags, Mode::empty())?)
}

/// The name, if it can be that of a block.
fn checked(name: &str) -> io::Result<&str> {
    if name.starts_with(PREFIX) && !name.contains('/') { Ok(name) } else { Err(io::ErrorKind::InvalidInput.into()) }
}

/// Joins this process to the run. `false`: the run is over.
///
/// # Errors
/// There is no such block.
pub fn join(name: &str) -> io::Result<bool> {
    let memory = open(name)?;
    let block = block(&memory)?;
    // Counted first, because the first process waits for those it sees; a process that is too late takes itself out.
    block.joined.fetch_add(1, Ordering::SeqCst);
    let over = block.over.load(Ordering::SeqCst) != 0;
    if over {
        block.joined.fetch_sub(1, Ordering::SeqCst);
    }
    Ok(!over)
}

/// Counts this process as one that should record and cannot.
///
/// # Errors
/// There is no such block.
pub fn refuse(name: &str) -> io::Result<()> {
    let memory = open(name)?;
    let block = block(&memory)?;
    block.joined.fetch_sub(1, Ordering::SeqCst);
    block.refused.fetch_add(1, Ordering::SeqCst);
    Ok(())
}

/// Ends the run: removes the block and returns what it counted.
///
/// # Errors
/// There is no such block.
pub fn end(name: &str) -> io::Result<Counts> {
    let mut memory = open(name)?;
    memory.set_owner(true);
    let block = block(&memory)?;
    block.over.store(1, Ordering::SeqCst);
    let_go(name);
    let [joined, refused] = [&block.joined, &block.refused].map(|count| count.load(Ordering::SeqCst));
    Ok(Counts { joined, refused })
}

fn open(name: &str) -> io::Result<Shmem> {
    // Mapping an empty file fails, and what is shorter than its mapping costs SIGBUS.
    let memory = ShmemConf::new().os_id(checked(name)?).open().map_err(other)?;
    if memory.len() < SIZE || block(&memory)?.magic.load(Ordering::Acquire) != MAGIC {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(memory)
}

fn block(memory: &Shmem) -> io::Result<&ControlBlock> {
    if memory.len() < size_of::<ControlBlock>() {
        return Err(io::ErrorKind::InvalidData.into());
    }
    // SAFETY: a mapping begins at a page, is long enough, and `ControlBlock` is made of atomic words alone.
    Ok(unsafe { &*memory.as_ptr().cast::<ControlBlock>() })
}

fn other(error: ShmemError) -> io::Error {
    match error {
        ShmemError::MapCreateFailed(number)
        | ShmemError::MapOpenFailed(number)
        | ShmemError::UnknownOsError(number) => io::Error::from_raw_os_error(number as i32),
        error => io::Error::other(error.to_string()),
    }
}

/// Removes the blocks of runs that are gone: those that are not new, whose lock is free, and whose first process is
/// dead. A living first process may have closed all its descriptors, and with them the lock.
fn remove_stale() {
    for entry in std::fs::read_dir(DIRECTORY).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some((pid, _)) = name.strip_prefix(PREFIX).and_then(|rest| rest.split_once('_')) else { continue };
        let pid = pid.parse().ok().and_then(Pid::from_raw);
        let is_gone = pid.is_some_and(|pid| test_kill_process(pid) == Err(rustix::io::Errno::SRCH));
        if is_gone && is_settled(&entry) && is_free(&entry.path()) {
            let _ = std::fs::remove_file(entry.path()); // somebody else's stays
        }
    }
}

/// Whether it was made, or last written, some time ago.
fn is_settled(entry: &std::fs::DirEntry) -> bool {
    let modified = entry.metadata().and_then(|metadata| metadata.modified()).ok();
    modified.and_then(|modified| modified.elapsed().ok()).is_some_and(|age| age > SETTLED)
}

fn is_free(path: &Path) -> bool {
    open_file(path).is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockShared).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_are_counted_until_the_run_is_over() {
        let name = create().unwrap();
        assert!(join(&name).unwrap());
        assert!(join(&name).unwrap());
        refuse(&name).unwrap();
        assert_eq!(end(&name).unwrap(), Counts { joined: 1, refused: 1 });
        assert!(join(&name).is_err());
        assert!(!std::path::Path::new(DIRECTORY).join(name).exists());
    }

    #[test]
    fn nobody_joins_a_run_that_is_over() {
        let name = create().unwrap();
        let memory = open(&name).unwrap();
        block(&memory).unwrap().over.store(1, Ordering::SeqCst);
        assert!(!join(&name).unwrap());
        assert_eq!(end(&name).unwrap(), Counts::default());
    }

    #[test]
    fn what_is_no_control_block_is_refused() {
        let pid = std::process::id();
        for (kind, bytes) in [("empty", 0), ("short", 16), ("foreign", SIZE)] {
            let name = format!("{PREFIX}{pid}_{kind}");
            let path = format!("{DIRECTORY}/{name}");
            std::fs::write(&path, vec![b'x'; bytes]).unwrap();
            let joined = join(&name);
            std::fs::remove_file(&path).unwrap();
            assert!(joined.is_err(), "{kind}");
        }
        assert!(join("viztracer_control_no_such_thing").is_err());
        assert!(join("../etc/passwd").is_err());
    }

    #[test]
    fn what_a_killed_run_left_is_removed() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        let path = format!("{DIRECTORY}/{PREFIX}{}_left", child.id());
        std::fs::write(&path, [0; SIZE]).unwrap();
        let file = std::fs::File::open(&path).unwrap();
        let made_by_a_run = || end(&create().unwrap()).unwrap();
        made_by_a_run();
        assert!(Path::new(&path).exists(), "it is new");
        file.set_modified(std::time::SystemTime::now() - 2 * SETTLED).unwrap();
        flock(&file, FlockOperation::NonBlockingLockExclusive).unwrap();
        made_by_a_run();
        assert!(Path::new(&path).exists(), "somebody holds it");
        drop(file);
        made_by_a_run();
        assert!(!Path::new(&path).exists());
    }
}
