//! Commands that run beside the program. They have no window, and Ctrl+C of the program's console does not reach them.
//! The program could see them only in the list of all processes: nothing tells it that one has ended.
//!
//! The command shares a lock on a directory by a handle that it does not know of. Windows closes it when the command
//! ends. `lock_directory` of the Python package says how such a handle is a lock.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::ffi::{OsStr, OsString, c_int};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::windows::ffi::{OsStrExt, OsStringExt};
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::AsRawHandle;
use std::os::windows::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::ptr;
use windows_sys::Win32::Foundation::{DUPLICATE_SAME_ACCESS, DuplicateHandle, ERROR_SHARING_VIOLATION};
use windows_sys::Win32::Storage::FileSystem::{FILE_ADD_FILE, FILE_FLAG_BACKUP_SEMANTICS};
use windows_sys::Win32::System::Threading::{CREATE_NEW_PROCESS_GROUP, CREATE_NO_WINDOW, GetCurrentProcess};

/// A command that is ready to be started.
pub struct Command {
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    /// The directory to lock.
    directory: PathBuf,
    /// The last argument, which is written when the command is started, and fewer than how many bytes it has; 0: there
    /// is none.
    note: String,
    note_size: usize,
}

/// Why a command has not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotStarted {
    /// Somebody else has the lock on the directory.
    Locked,
    /// The error number of the system.
    Failed(c_int),
}

impl NotStarted {
    /// The error number.
    pub fn number(self) -> c_int {
        match self {
            NotStarted::Locked => ERROR_SHARING_VIOLATION as c_int,
            NotStarted::Failed(number) => number,
        }
    }
}

/// Starts a command that the program does not see, and returns its process id. `command`: the first argument is the
/// path of the program. `environment`: `NAME=value` each. `directory`: the command shares a lock on it. Its stderr is
/// that of this process with `has_stderr`.
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
) -> PyResult<u32> {
    let mut command = Command::new(command, environment, directory, 0)?;
    let started = python.detach(|| command.start(has_stderr));
    Ok(started.map_err(|error| match error {
        NotStarted::Locked => io::ErrorKind::WouldBlock.into(),
        NotStarted::Failed(number) => io::Error::from_raw_os_error(number),
    })?)
}

impl Command {
    /// A command with these arguments, and a note of fewer than so many bytes as one more argument, unless that is 0.
    ///
    /// Raises `ValueError`: there is no argument.
    pub fn new(
        command: Vec<OsString>,
        environment: Vec<OsString>,
        directory: PathBuf,
        note_size: usize,
    ) -> PyResult<Command> {
        if command.is_empty() {
            return Err(PyValueError::new_err("a command has at least one argument"));
        }
        let environment = environment.iter().filter_map(|variable| parts(variable)).collect();
        Ok(Command { arguments: command, environment, directory, note: String::new(), note_size })
    }

    /// Writes the note. What is too long is cut, and a NUL becomes a space.
    pub fn set_note(&mut self, note: &[u8]) {
        let length = note.len().min(self.note_size.saturating_sub(1));
        self.note = String::from_utf8_lossy(&note[..length]).replace('\0', " ");
    }

    /// Starts the command, and returns its process id.
    pub fn start(&mut self, has_stderr: bool) -> Result<u32, NotStarted> {
        let lock = share_lock(&self.directory)?;
        let note = (self.note_size > 0).then_some(&self.note);
        let mut command = process(&self.arguments, &self.environment);
        command.args(note).stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(if has_stderr { Stdio::inherit() } else { Stdio::null() });
        command.creation_flags(CREATE_NO_WINDOW | CREATE_NEW_PROCESS_GROUP);
        let child = command.spawn().map_err(|error| failure(&error))?; // whose end nobody waits for
        hand_over(&lock, &child);
        Ok(child.id())
    }
}

/// Shares a lock on a directory.
fn share_lock(directory: &Path) -> Result<File, NotStarted> {
    let opened = OpenOptions::new().access_mode(FILE_ADD_FILE).custom_flags(FILE_FLAG_BACKUP_SEMANTICS).open(directory);
    opened.map_err(|error| match error.raw_os_error() {
        Some(number) if number == ERROR_SHARING_VIOLATION as c_int => NotStarted::Locked,
        _ => failure(&error),
    })
}

fn failure(error: &io::Error) -> NotStarted {
    NotStarted::Failed(error.raw_os_error().unwrap_or_default())
}

/// Gives a process a handle of a file, too. One that has ended needs none.
fn hand_over(file: &File, to: &Child) {
    let (own, its, mut given) = (file.as_raw_handle(), to.as_raw_handle(), ptr::null_mut());
    // SAFETY: a call without arguments.
    let this = unsafe { GetCurrentProcess() };
    // SAFETY: three open handles, and a place for the number of the new one, which is one of that process.
    unsafe { DuplicateHandle(this, own, its, &raw mut given, 0, 0, DUPLICATE_SAME_ACCESS) };
}

/// A command with this environment alone. There is at least one argument.
pub fn process(arguments: &[OsString], environment: &[(OsString, OsString)]) -> std::process::Command {
    let mut command = std::process::Command::new(&arguments[0]);
    command.args(&arguments[1..]).env_clear().envs(environment.iter().map(|(name, value)| (name, value)));
    command
}

/// Name and value of a variable, with a `=` between them. The name of a hidden one begins with such a sign, too.
pub fn parts(variable: &OsStr) -> Option<(OsString, OsString)> {
    let units: Vec<u16> = variable.encode_wide().collect();
    let sign = 1 + units.iter().skip(1).position(|unit| *unit == u16::from(b'='))?;
    Some((OsString::from_wide(&units[..sign]), OsString::from_wide(&units[sign + 1..])))
}
