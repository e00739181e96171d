//! Commands that run beside the program, which does not see them: no `wait` of the program returns them, none becomes a
//! zombie of the program, and no SIGCHLD is sent for them.
//!
//! ```text
//! the calling thread   a child without a signal for its end, which shares the memory: the thread waits for it
//!   the child          starts the command in the same way, and ends
//!     the command      is an orphan now, with a session of its own and without the descriptors of the program
//! ```
//!
//! macOS has no such children: there, the child is a copy of the process, whose end sends a SIGCHLD.
//!
//! The command locks a directory before it is the command, in its own table of descriptors. So no process that another
//! thread of the program forks meanwhile has the lock.
//!
//! Sharing the memory takes some 100 us, however large the program is; a copy of its page tables, as fork(2) makes it,
//! would keep other threads waiting. Orphans belong to process 1, or to the nearest process that has asked for orphans
//! (prctl(2), PR_SET_CHILD_SUBREAPER). If that is the program itself, it must expect children that it does not know.

mod job;
#[cfg_attr(target_os = "macos", path = "background/start_on_macos.rs")]
mod start;

use crate::signal::{dispose, errno};
use job::{DIRECTORY, Job};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::ffi::{CString, OsString, c_char, c_int, c_void};
use std::io;
use std::mem;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::ptr;

/// Bytes of the stack of each of the two children. They call a few functions of the system.
const STACK: usize = 64 << 10;
/// The largest signal.
const SIGNAL_MAX: c_int = 64;

/// A command that is ready to be started. A signal handler may start it, too: that allocates nothing.
pub struct Command {
    /// As execve(2) takes them: pointers to C strings, and a null pointer at the end.
    arguments: Vec<*const c_char>,
    environment: Vec<*const c_char>,
    /// The directory to lock.
    directory: CString,
    /// The last argument, which is written when the command is started.
    note: Box<[u8]>,
    /// For both children.
    stacks: Vec<u128>,
    /// What the pointers point to, besides the note.
    _texts: Vec<CString>,
}

/// Why a command has not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotStarted {
    /// Somebody else has the lock on the directory.
    Locked,
    /// The error number of what failed; ECHILD: it was killed before it began.
    Failed(c_int),
}

impl NotStarted {
    /// The error number.
    pub fn number(self) -> c_int {
        match self {
            NotStarted::Locked => libc::EWOULDBLOCK,
            NotStarted::Failed(number) => number,
        }
    }
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
    let mut command = Command::new(command, environment, directory, 0)?;
    let started = python.detach(|| command.start(has_stderr));
    Ok(started.map_err(|error| io::Error::from_raw_os_error(error.number()))?)
}

// SAFETY: the pointers are to memory that the command owns; none is tied to a thread.
unsafe impl Send for Command {}

impl Command {
    /// A command with these arguments, and a note of fewer than so many bytes as one more argument, unless that is 0.
    ///
    /// Raises `ValueError`: there is no argument, or a text has a NUL.
    pub fn new(
        command: Vec<OsString>,
        environment: Vec<OsString>,
        directory: PathBuf,
        note_size: usize,
    ) -> PyResult<Command> {
        if command.is_empty() {
            return Err(PyValueError::new_err("a command has at least one argument"));
        }
        let note = vec![0; note_size].into_boxed_slice();
        let (mut command, environment) = (texts(command)?, texts(environment)?);
        let noted = (note_size > 0).then_some(note.as_ptr().cast());
        let arguments = pointers(&command).chain(noted).chain([ptr::null()]).collect();
        let variables = pointers(&environment).chain([ptr::null()]).collect();
        command.extend(environment);
        Ok(Command {
            arguments,
            environment: variables,
            directory: CString::new(directory.into_os_string().into_vec())?,
            note,
            stacks: vec![0; 2 * STACK / size_of::<u128>()],
            _texts: command,
        })
    }

    /// Writes the note. What is too long is cut, and a NUL becomes a space.
    pub fn set_note(&mut self, note: &[u8]) {
        let Some((end, text)) = self.note.split_last_mut() else { return };
        text.fill(0);
        text.iter_mut().zip(note).for_each(|(to, from)| *to = if *from == 0 { b' ' } else { *from });
        *end = 0;
    }

    /// Starts the command, and returns its process id.
    pub fn start(&mut self, has_stderr: bool) -> Result<libc::pid_t, NotStarted> {
        let middle = self.stacks.len() / 2;
        let (lower, upper) = self.stacks.split_at_mut(middle);
        let mut job = Job {
            arguments: self.arguments.as_ptr(),
            environment: self.environment.as_ptr(),
            stack_top: lower.as_mut_ptr_range().end.cast(),
            become_command,
            directory: self.directory.as_ptr(),
            has_stderr,
            command: -1,
            error: 0,
            is_locked: false,
        };
        start::in_between(&mut job, upper.as_mut_ptr_range().end.cast());
        match (job.error, job.command) {
            (_, _) if job.is_locked => Err(NotStarted::Locked),
            (0, -1) => Err(NotStarted::Failed(libc::ECHILD)),
            (0, command) => Ok(command),
            (error, _) => Err(NotStarted::Failed(error)),
        }
    }
}

fn texts(texts: Vec<OsString>) -> PyResult<Vec<CString>> {
    let texts: Result<Vec<CString>, _> = texts.into_iter().map(|text| CString::new(text.into_vec())).collect();
    texts.map_err(|error| PyValueError::new_err(error.to_string()))
}

fn pointers(texts: &[CString]) -> impl Iterator<Item = *const c_char> {
    texts.iter().map(|text| text.as_ptr())
}

/// The command, before it is one.
extern "C" fn become_command(job: *mut c_void) -> c_int {
    // SAFETY: the job of `start`. Its thread and the child between wait meanwhile.
    let job = unsafe { &mut *job.cast::<Job>() };
    for signal in 1..=SIGNAL_MAX {
        dispose(signal, libc::SIG_DFL); // of this process alone: the table of handlers is a copy
    }
    start::be_ordinary();
    // SAFETY: a constant path; descriptors of this process alone: their table is a copy.
    let nowhere = unsafe { libc::open(c"/dev/null".as_ptr(), libc::O_RDWR) };
    // SAFETY: the path outlives the job.
    let directory = unsafe { libc::open(job.directory, libc::O_RDONLY | libc::O_DIRECTORY) };
    if nowhere < 0 || directory < 0 {
        job.error = errno();
        return 127;
    }
    // SAFETY: two integers.
    if unsafe { libc::flock(directory, libc::LOCK_SH | libc::LOCK_NB) } < 0 {
        job.error = errno();
        job.is_locked = job.error == libc::EWOULDBLOCK;
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
    start::close_from(DIRECTORY + 1);
    // SAFETY: a set is made of plain integers, for which zeros are valid.
    let mut none: libc::sigset_t = unsafe { mem::zeroed() };
    // SAFETY: a set to write to.
    unsafe { libc::sigemptyset(&mut none) };
    // SAFETY: an initialized set. The mask would outlive execve(2).
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, &none, ptr::null_mut()) };
    // SAFETY: the array of arguments has at least one.
    let program = unsafe { *job.arguments };
    // SAFETY: two arrays of C strings that end with a null pointer, and the first string of one.
    unsafe { libc::execve(program, job.arguments, job.environment) };
    job.error = errno();
    127
}
