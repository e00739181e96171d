//! The control block of a run: a page of shared memory in which its processes count themselves.
//!
//! ```text
//!  0  magic    "VIZCTRL\n"
//!  8  over     1: the first process merges what there is, whoever comes now is too late
//! 16  joined   processes that record
//! 24  refused  processes that should record and cannot
//! ```
//!
//! It holds no ring: those are files, which outlive a killed process, and this lives only as long as the run. A
//! process has it open for a moment at its start and at its end, never while the program runs: it would take a file
//! descriptor that the program expects to get. A run without `/dev/shm` does without the block.

use rustix::process::{Pid, test_kill_process};
use shared_memory::{Shmem, ShmemConf, ShmemError};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

const MAGIC: u64 = u64::from_le_bytes(*b"VIZCTRL\n");
const SIZE: usize = 4096;
const PREFIX: &str = "viztracer_control_";
/// Where Linux keeps shared memory by name.
const DIRECTORY: &str = "/dev/shm";

#[repr(C)]
struct Block {
    magic: AtomicU64,
    over: AtomicU64,
    joined: AtomicU64,
    refused: AtomicU64,
}
const _: () = assert!(size_of::<Block>() <= SIZE);

/// What the processes of a run have counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Processes that recorded.
    pub joined: u64,
    /// Processes that should have and could not.
    pub refused: u64,
}

/// Makes the control block of a run whose first process this is; tells its name. Removes those that killed runs left.
///
/// # Errors
/// There is no shared memory, or no room in it.
pub fn create() -> io::Result<String> {
    remove_stale();
    let random = crate::process::random_id().iter().take(6).fold(String::new(), |id, byte| format!("{id}{byte:02x}"));
    let name = format!("{PREFIX}{}_{random}", std::process::id());
    let mut memory = ShmemConf::new().size(SIZE).os_id(&name).create().map_err(other)?;
    // A page that does not exist yet costs SIGBUS when memory is full; writing it costs an error.
    std::fs::write(format!("{DIRECTORY}/{name}"), [0; SIZE])?;
    block(&memory)?.magic.store(MAGIC, Ordering::Release);
    memory.set_owner(false); // it stays when this goes
    Ok(name)
}

/// This process joins the run; false: the run is over.
///
/// # Errors
/// There is no such block.
pub fn join(name: &str) -> io::Result<bool> {
    let memory = open(name)?;
    let block = block(&memory)?;
    // Counted first: who is seen is waited for, who comes too late takes itself out again.
    block.joined.fetch_add(1, Ordering::SeqCst);
    let over = block.over.load(Ordering::SeqCst) != 0;
    if over {
        block.joined.fetch_sub(1, Ordering::SeqCst);
    }
    Ok(!over)
}

/// This process should record and cannot.
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

/// The run is over: removes the block and tells what it counted.
///
/// # Errors
/// There is no such block.
pub fn end(name: &str) -> io::Result<Counts> {
    let mut memory = open(name)?;
    memory.set_owner(true);
    let block = block(&memory)?;
    block.over.store(1, Ordering::SeqCst);
    let [joined, refused] = [&block.joined, &block.refused].map(|count| count.load(Ordering::SeqCst));
    Ok(Counts { joined, refused })
}

fn open(name: &str) -> io::Result<Shmem> {
    if !name.starts_with(PREFIX) || name.contains('/') {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // Mapping an empty file fails, and what is shorter than its mapping costs SIGBUS.
    let memory = ShmemConf::new().os_id(name).open().map_err(other)?;
    if memory.len() < SIZE || block(&memory)?.magic.load(Ordering::Acquire) != MAGIC {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(memory)
}

fn block(memory: &Shmem) -> io::Result<&Block> {
    if memory.len() < size_of::<Block>() {
        return Err(io::ErrorKind::InvalidData.into());
    }
    // SAFETY: a mapping begins at a page, is long enough, and `Block` is made of atomic words alone.
    Ok(unsafe { &*memory.as_ptr().cast::<Block>() })
}

fn other(error: ShmemError) -> io::Error {
    match error {
        ShmemError::MapCreateFailed(number)
        | ShmemError::MapOpenFailed(number)
        | ShmemError::UnknownOsError(number) => io::Error::from_raw_os_error(number as i32),
        error => io::Error::other(error.to_string()),
    }
}

/// Removes the blocks whose first process is no more.
fn remove_stale() {
    for entry in std::fs::read_dir(DIRECTORY).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some((pid, _)) = name.strip_prefix(PREFIX).and_then(|rest| rest.split_once('_')) else { continue };
        let pid = pid.parse().ok().and_then(Pid::from_raw);
        if pid.is_some_and(|pid| test_kill_process(pid) == Err(rustix::io::Errno::SRCH)) {
            let _ = std::fs::remove_file(entry.path()); // somebody else's stays
        }
    }
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
        let name = create().unwrap();
        assert!(!std::path::Path::new(&path).exists());
        end(&name).unwrap();
    }
}
