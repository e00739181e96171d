//! The control block of a session: a page of shared memory that says what the session is, and in which its processes
//! count themselves. `viztracer_format::control` has its bytes.
//!
//! It holds no ring: those are files, which outlive a killed process. The first process keeps a lock on the block,
//! under a high descriptor number, so that processes in other containers, where its pid means nothing or another
//! process, see that the session lives. The other processes open it only at their start. The block stays until the ring
//! files are removed, also if that takes long or never happens, as it says where they are and who needs them. A session
//! without a place for it has no block: see `control::memory`.

mod memory;

use crate::file_lock::lock;
use crate::known_file::KnownFile;
use crate::lock::ignore_poison;
use crate::process::ProcessFacts;
use crate::system::{self, identity, is_private, open_unfollowed};
use memory::Memory;
pub use memory::directory;
use std::fs::File;
use std::io::{self, Read};
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};
use viztracer_format::control::{BLOCK_SIZE, COUNTS_OFFSET, Counts as Words, Description, Session, SwitchWords};

const PREFIX: &str = "viztracer_control_";
/// How many bytes of a session's id are in the name of its block.
const ID_BYTES: usize = 6;

/// The blocks on which this process holds a lock.
static HELD: Mutex<Vec<Held>> = Mutex::new(Vec::new());

/// A block's name, and the file that holds the lock.
struct Held {
    name: String,
    file: KnownFile,
}

/// What the processes of a session have counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Processes that recorded.
    pub joined: u64,
    /// Processes that should have and could not.
    pub refused: u64,
}

/// Makes the control block of the session with this id, whose first process this is and whose ring files are in this
/// directory. Returns its name.
///
/// # Errors
/// There is no shared memory, or no space in it.
pub fn create(session_id: [u8; 16], rings: &[u8]) -> io::Result<String> {
    let id = session_id.iter().take(ID_BYTES).fold(String::new(), |id, byte| format!("{id}{byte:02x}"));
    let name = format!("{PREFIX}{}_{id}", std::process::id());
    let mut memory = memory::create(&name, &describe(session_id, rings)[..])?;
    hold(&name)?;
    memory.keep();
    Ok(name)
}

/// The bytes of a new block.
fn describe(session_id: [u8; 16], rings: &[u8]) -> Box<[u8; BLOCK_SIZE]> {
    let process = ProcessFacts::current();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64);
    let description = Description {
        pid: process.pid,
        session_id,
        boot_id: process.boot_id,
        process_start: process.start,
        pid_namespace: system::pid_namespace(),
        created: now,
        ..Description::new()
    };
    description.to_block(rings, &process.arguments)
}

/// Locks the block for the first process of its session, until [`let_go`] or the end of the process.
///
/// # Errors
/// There is no such block, or another process holds its lock.
pub fn hold(name: &str) -> io::Result<()> {
    let file = open_file(name)?;
    lock(&file)?;
    let held = Held { name: name.to_owned(), file: KnownFile::new(file)? };
    ignore_poison(HELD.lock()).push(held);
    Ok(())
}

/// Unlocks the block with this name. It stays.
pub fn let_go(name: &str) {
    let mut all = ignore_poison(HELD.lock());
    let Some(index) = all.iter().position(|held| held.name == name) else { return };
    all.swap_remove(index).file.close();
}

/// Opens a block of this user. A link, or what others may read or write, is none.
pub(crate) fn open_file(name: &str) -> io::Result<File> {
    let file = open_unfollowed(&directory().join(checked(name)?))?;
    if !is_private(&file)? {
        let reason = format!("the control block {name} is not a file that only this user may open");
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, reason));
    }
    Ok(file)
}

/// The name, if it can be that of a block.
fn checked(name: &str) -> io::Result<&str> {
    if name.starts_with(PREFIX) && !name.contains(['/', '\\']) {
        Ok(name)
    } else {
        Err(io::ErrorKind::InvalidInput.into())
    }
}

/// Joins this process to the session. `false`: the session is over.
///
/// # Errors
/// There is no such block, or it is damaged.
pub fn join(name: &str) -> io::Result<bool> {
    Ok(words(&open(name)?)?.join())
}

/// Counts this process as one that should record and cannot.
///
/// # Errors
/// There is no such block, or it is damaged.
pub fn refuse(name: &str) -> io::Result<()> {
    words(&open(name)?)?.refuse();
    Ok(())
}

/// Whether this process is the first of its session to print the message with this bit. It must then print it.
///
/// # Errors
/// There is no such block, or it is damaged.
pub fn is_first_to_print(name: &str, message: u64) -> io::Result<bool> {
    let memory = open(name)?;
    Ok(words(&memory)?.messages.fetch_or(message, Ordering::SeqCst) & message == 0)
}

/// Ends the session, so that nobody joins it any more, and returns what the block counted. Block and lock stay, since
/// the first process still needs the ring files.
///
/// # Errors
/// There is no such block, or it is damaged.
pub fn end(name: &str) -> io::Result<Counts> {
    let (joined, refused) = words(&open(name)?)?.end();
    Ok(Counts { joined, refused })
}

/// Removes a block of this user, whatever is in it, and unlocks it.
pub fn remove(name: &str) {
    if open_file(name).is_ok() {
        let _ = std::fs::remove_file(directory().join(name));
    }
    let_go(name);
}

/// Maps the block with this name, after a look at a copy of it.
pub(crate) fn open(name: &str) -> io::Result<Memory> {
    let file = open_file(name)?;
    let before = identity(&file);
    let mut copy = Vec::new();
    file.take(BLOCK_SIZE as u64).read_to_end(&mut copy)?;
    Session::parse(&copy).map_err(|error| damaged(name, error))?;
    let memory = memory::map(name)?;
    // Only its owner can take a name in this directory away, so what was mapped between the two looks is the same file.
    if before.is_none() || identity(&open_file(name)?) != before {
        return Err(damaged(name, "it was replaced"));
    }
    Ok(memory)
}

fn damaged(name: &str, reason: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the control block {name} is damaged: {reason}"))
}

fn words(memory: &Memory) -> io::Result<&Words> {
    Ok(&parts(memory)?.counts)
}

/// The parts of a block that change.
#[repr(C)]
pub(crate) struct Parts {
    counts: Words,
    pub switches: SwitchWords,
}
#[cfg(not(loom))]
const _: () =
    assert!(COUNTS_OFFSET + std::mem::offset_of!(Parts, switches) == viztracer_format::control::SWITCHES_OFFSET);

/// The parts of a mapped block that change.
pub(crate) fn parts(memory: &Memory) -> io::Result<&Parts> {
    if memory.length() < COUNTS_OFFSET + size_of::<Parts>() {
        return Err(io::ErrorKind::InvalidData.into());
    }
    // SAFETY: the offset is less than the length of the mapping.
    let parts = unsafe { memory.base().add(COUNTS_OFFSET) };
    // SAFETY: a mapping begins at a page, is long enough for atomic words at this offset, and outlives the reference.
    Ok(unsafe { &*parts.cast::<Parts>() })
}

#[cfg(all(test, unix))]
mod tests;
