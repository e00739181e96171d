//! What Linux and macOS have in common.

use crate::signal;
use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;
#[cfg(not(Py_3_12))]
use std::ffi::{CStr, c_void};
use std::ffi::{OsStr, c_int};
use std::fs::{self, File, OpenOptions};
use std::hash::Hash;
use std::io::{self, Error, ErrorKind};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::ptr;

/// The interpreter's module of functions of the system.
pub const OS_MODULE: &str = "posix";

/// The id of the calling thread.
pub fn thread_id() -> i32 {
    signal::tid()
}

/// Whether there is still a thread of this process with this id.
pub fn is_thread_there(id: i32) -> bool {
    id > 0 && signal::send(0, id)
}

/// Whether the data of the calling thread is dropped although the process ends at once. `_exit` drops nothing; the
/// orderly end of a process counts as the end of its main thread.
pub fn is_process_ending() -> bool {
    false
}

/// All signals are blocked for the calling thread, and for threads that it starts.
pub struct BlockedSignals(libc::sigset_t);

impl BlockedSignals {
    /// Blocks them until it is dropped.
    pub fn new() -> BlockedSignals {
        // SAFETY: a structure of numbers.
        let mut all = unsafe { std::mem::zeroed::<libc::sigset_t>() };
        let mut before = all;
        // SAFETY: a structure of our own to write to.
        unsafe { libc::sigfillset(&raw mut all) };
        // SAFETY: two structures of our own.
        unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const all, &raw mut before) };
        BlockedSignals(before)
    }
}

impl Drop for BlockedSignals {
    fn drop(&mut self) {
        // SAFETY: what `new` has found.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.0, ptr::null_mut()) };
    }
}

/// Whether this process has a stderr.
pub fn has_stderr() -> bool {
    io::stderr().as_fd().try_clone_to_owned().is_ok()
}

/// The path that these bytes are, which a control block holds.
pub fn path_of(bytes: &[u8]) -> PathBuf {
    OsStr::from_bytes(bytes).into()
}

/// Whether the path of a source file ends with this, whose parts have `/` between them.
pub fn ends_with(file: &str, end: &str) -> bool {
    file.ends_with(end)
}

/// Opens a regular file for reading. Others may put a FIFO beside the user's files, which must not be waited for.
pub fn open_regular(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let flags = i32::try_from(flags.bits()).map_err(|_| ErrorKind::InvalidInput)?;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(Error::from(ErrorKind::InvalidInput)) }
}

/// Whether a process holds the lock by which others see that it writes this file.
pub fn is_written(file: &File) -> bool {
    flock(file, FlockOperation::NonBlockingLockShared) == Err(Errno::WOULDBLOCK)
}

/// Waits until no process writes this file. `false`: a signal has come first, and the file may still be written.
pub fn await_writer(file: &File) -> bool {
    flock(file, FlockOperation::LockShared) != Err(Errno::INTR)
}

/// What tells the pipe of this descriptor from all others: a device and an inode.
#[cfg_attr(not(Py_3_12), expect(dead_code, reason = "arrows of pools are looked for from 3.12 on"))]
pub fn pipe_identity(descriptor: u64) -> Option<impl Hash + Copy> {
    let pipe = fs::metadata(format!("/dev/fd/{descriptor}")).ok()?;
    Some((pipe.dev(), pipe.ino()))
}

/// The address of a symbol of the interpreter; null if it is not there.
#[cfg(not(Py_3_12))]
pub fn symbol(name: &CStr) -> *mut c_void {
    // SAFETY: a name that ends with a NUL; looks among the symbols of the process.
    unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) }
}

/// Ends the process with this status, after what the C library does at the end.
pub fn exit(status: c_int) -> ! {
    // SAFETY: ends the process; nothing of this thread is used afterwards.
    unsafe { libc::exit(status) }
}

/// Ends the process by SIGINT, whose default action is in place again. Returns if the signal is blocked.
pub fn die_of_interrupt() {
    // SAFETY: a signal and its default action.
    unsafe { libc::signal(libc::SIGINT, libc::SIG_DFL) };
    // SAFETY: two numbers: the process's own id and a signal.
    unsafe { libc::kill(libc::getpid(), libc::SIGINT) };
}
