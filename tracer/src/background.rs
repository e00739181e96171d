//! Commands that run beside the program, which does not see them: no `wait` of the program returns them, none becomes a
//! zombie of the program, and no SIGCHLD is sent for them.
//!
//! ```text
//! the calling thread   a child without a signal for its end, which shares the memory: the thread waits for it
//!   the child          starts the command in the same way, and ends
//!     the command      is an orphan now, with a session of its own and without the descriptors of the program
//! ```
//!
//! The command locks a directory before it is the command, in its own table of descriptors. So no process that another
//! thread of the program forks meanwhile has the lock.
//!
//! Sharing the memory takes some 100 us, however large the program is; a copy of its page tables, as fork(2) makes it,
//! would keep other threads waiting. Orphans belong to process 1, or to the nearest process that has asked for orphans
//! (prctl(2), PR_SET_CHILD_SUBREAPER). If that is the program itself, it must expect children that it does not know.

use crate::signal::dispose;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::ffi::{CStr, CString, OsString, c_char, c_int, c_void};
use std::io;
use std::mem;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::ptr;

/// Bytes of the stack of each of the two children. They call a few functions of the system.
const STACK: usize = 64 << 10;
/// The descriptor under which the command has the directory.
const DIRECTORY: c_int = 3;
/// The largest signal.
const SIGNAL_MAX: c_int = 64;
const SHARED: c_int = libc::CLONE_VM | libc::CLONE_VFORK;

/// What both children need, and what they answer.
struct Job {
    arguments: Vec<*const c_char>,
    environment: Vec<*const c_char>,
    /// The top of the stack of the command before it is the command.
    stack_top: *mut c_void,
    /// The directory to lock.
    directory: *const c_char,
    /// Whether the command gets the standard error stream of this process.
    has_stderr: bool,
    /// The process id of the command, or -1.
    command: libc::pid_t,
    /// The error number of what failed, or 0.
    error: c_int,
}

/// Starts a command that the program does not see, and returns its process id. `command`: the first argument is the
/// path of the program. `environment`: `NAME=value` each. `directory`: the command shares a lock on it, by descriptor 3.
/// 0 and 1 lead nowhere, 2 is that of this process with `has_stderr`, and no other is open.
///
/// Raises `OSError`: the directory cannot be locked (`BlockingIOError`: somebody else has it), or the command cannot be
/// started.
#[pyfunction]
pub fn start_unseen(
    python: Python<'_>,
    command: Vec<OsString>,
    environment: Vec<OsString>,
    directory: PathBuf,
    has_stderr: bool,
) -> PyResult<libc::pid_t> {
    let (command, environment) = (texts(command)?, texts(environment)?);
    let directory = CString::new(directory.into_os_string().into_vec())?;
    Ok(python.detach(|| start(&command, &environment, &directory, has_stderr))?)
}

fn texts(texts: Vec<OsString>) -> PyResult<Vec<CString>> {
    let texts: Result<Vec<CString>, _> = texts.into_iter().map(|text| CString::new(text.into_vec())).collect();
    texts.map_err(|error| PyValueError::new_err(error.to_string()))
}

/// Pointers to texts as execve(2) takes them, with a null pointer at the end.
fn pointers(texts: &[CString]) -> Vec<*const c_char> {
    texts.iter().map(|text| text.as_ptr()).chain([ptr::null()]).collect()
}

fn start(command: &[CString], environment: &[CString], directory: &CStr, has_stderr: bool) -> io::Result<libc::pid_t> {
    if command.is_empty() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut stacks = vec![0_u128; 2 * STACK / size_of::<u128>()];
    let middle = stacks.len() / 2;
    let (lower, upper) = stacks.split_at_mut(middle);
    let mut job = Job {
        arguments: pointers(command),
        environment: pointers(environment),
        stack_top: lower.as_mut_ptr_range().end.cast(),
        directory: directory.as_ptr(),
        has_stderr,
        command: -1,
        error: 0,
    };
    // SAFETY: a set is made of plain integers, for which zeros are valid.
    let (mut all, mut before): (libc::sigset_t, libc::sigset_t) = unsafe { (mem::zeroed(), mem::zeroed()) };
    // SAFETY: a set to write to.
    unsafe { libc::sigfillset(&mut all) };
    // SAFETY: two initialized sets. A handler of the program must not run in a child that shares the memory.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut before) };
    let top = upper.as_mut_ptr_range().end.cast();
    // SAFETY: the stack and the job live until this returns, which is when the child has ended: CLONE_VFORK.
    let child = unsafe { libc::clone(between, top, SHARED, (&raw mut job).cast()) };
    if child < 0 {
        job.error = crate::signal::errno();
    } else {
        // SAFETY: our own child. It has ended; its status is not asked for. __WALL: it has no signal for its end.
        while unsafe { libc::waitpid(child, ptr::null_mut(), libc::__WALL) } < 0
            && crate::signal::errno() == libc::EINTR
        {}
    }
    // SAFETY: a set that was filled above; the old one is not asked for.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &before, ptr::null_mut()) };
    match (job.error, job.command) {
        (0, -1) => Err(io::Error::other("it was killed before it began")),
        (0, command) => Ok(command),
        (error, _) => Err(io::Error::from_raw_os_error(error)),
    }
}

/// The child: starts the command, and leaves it alone.
extern "C" fn between(job: *mut c_void) -> c_int {
    // SAFETY: the job of `start`, whose thread waits meanwhile.
    let job = unsafe { &mut *job.cast::<Job>() };
    // SAFETY: takes nothing. What a terminal sends to the program's group is not for the command.
    unsafe { libc::setsid() };
    let (top, argument): (_, *mut Job) = (job.stack_top, job);
    // SAFETY: a stack of its own. This process waits until the command has replaced the memory, or has failed to.
    let command = unsafe { libc::clone(become_command, top, SHARED | libc::SIGCHLD, argument.cast()) };
    if command < 0 {
        job.error = crate::signal::errno();
    } else if job.error != 0 {
        // SAFETY: our own child, which has ended; its status is not asked for.
        unsafe { libc::waitpid(command, ptr::null_mut(), 0) };
    }
    job.command = command;
    0
}

/// The command, before it is one.
extern "C" fn become_command(job: *mut c_void) -> c_int {
    // SAFETY: the job of `start`. Its thread and the child between wait meanwhile.
    let job = unsafe { &mut *job.cast::<Job>() };
    for signal in 1..=SIGNAL_MAX {
        dispose(signal, libc::SIG_DFL); // of this process alone: the table of handlers is a copy
    }
    // SAFETY: a constant path; descriptors of this process alone: their table is a copy.
    let nowhere = unsafe { libc::open(c"/dev/null".as_ptr(), libc::O_RDWR) };
    // SAFETY: the path outlives the job.
    let directory = unsafe { libc::open(job.directory, libc::O_RDONLY | libc::O_DIRECTORY) };
    // SAFETY: two integers.
    if nowhere < 0 || directory < 0 || unsafe { libc::flock(directory, libc::LOCK_SH | libc::LOCK_NB) } < 0 {
        job.error = crate::signal::errno();
        return 127;
    }
    // The directory first: it may have a number below 3 if the program has closed its own.
    let stderr = if job.has_stderr { 2 } else { nowhere };
    // SAFETY: descriptors of this process alone. The copy has a number that none of the others gets.
    let directory = unsafe { libc::fcntl(directory, libc::F_DUPFD, DIRECTORY) };
    for (from, to) in [(nowhere, 0), (nowhere, 1), (stderr, 2), (directory, DIRECTORY)] {
        if from != to {
            // SAFETY: as above.
            unsafe { libc::dup2(from, to) };
        }
    }
    // SAFETY: three integers. An old kernel does not know the call: then those without O_CLOEXEC stay open.
    unsafe { libc::syscall(libc::SYS_close_range, DIRECTORY + 1, c_int::MAX, 0) };
    // SAFETY: a set is made of plain integers, for which zeros are valid.
    let mut none: libc::sigset_t = unsafe { mem::zeroed() };
    // SAFETY: a set to write to.
    unsafe { libc::sigemptyset(&mut none) };
    // SAFETY: an initialized set. The mask would outlive execve(2).
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, &none, ptr::null_mut()) };
    // SAFETY: two arrays of C strings that end with a null pointer, and the first string of one.
    unsafe { libc::execve(job.arguments[0], job.arguments.as_ptr(), job.environment.as_ptr()) };
    job.error = crate::signal::errno();
    127
}
