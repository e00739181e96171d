//! `snaptrace.ControlBlock`, Python's door to the control block of a run.

use crate::system::path_of;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::ffi::OsString;
use std::path::PathBuf;
use viztracer_format::control::{GREENLETS_MESSAGE, INTERPRETERS_MESSAGE, Session};
use viztracer_recorder::control;
use viztracer_recorder::switches::{self, Wanted};

/// The page of shared memory in which the processes of a run count themselves, by its name.
#[pyclass(frozen, module = "viztracer.snaptrace")]
pub struct ControlBlock {
    #[pyo3(get)]
    name: String,
}

#[pymethods]
impl ControlBlock {
    /// The block with this name.
    #[new]
    fn new(name: String) -> ControlBlock {
        ControlBlock { name }
    }

    /// Makes the block of the run with this id, whose first process this is and whose ring files are in this directory.
    #[staticmethod]
    fn create(session_id: [u8; 16], directory: PathBuf) -> PyResult<ControlBlock> {
        Ok(ControlBlock { name: control::create(session_id, directory.as_os_str().as_encoded_bytes())? })
    }

    /// Locks the block again, for a first process that has become another program.
    fn hold(&self) -> PyResult<()> {
        Ok(control::hold(&self.name)?)
    }

    /// Counts this process as one that records; false if the run is over.
    fn join(&self) -> PyResult<bool> {
        Ok(control::join(&self.name)?)
    }

    /// Counts this process, which has joined, as one that cannot record.
    fn refuse(&self) -> PyResult<()> {
        Ok(control::refuse(&self.name)?)
    }

    /// Whether no other process of the run has said that only the main interpreter is recorded (`"interpreters"`), or
    /// that greenlets of a thread share its track (`"greenlets"`). This one must then say it.
    fn is_first_to_mention(&self, what: &str) -> PyResult<bool> {
        let message = match what {
            "interpreters" => INTERPRETERS_MESSAGE,
            "greenlets" => GREENLETS_MESSAGE,
            _ => return Err(PyValueError::new_err(format!("no process mentions {what}"))),
        };
        Ok(control::is_first_to_print(&self.name, message)?)
    }

    /// Ends the run, so that nobody joins it any more; returns how many processes recorded, and how many could not.
    fn end(&self) -> PyResult<(u64, u64)> {
        let control::Counts { joined, refused } = control::end(&self.name)?;
        Ok((joined, refused))
    }

    /// Has the processes of the run do this from now on: `recording`, `paused` or `stopped`. Returns whether that changes
    /// anything: a run that has stopped stays so.
    fn switch(&self, to: &str) -> PyResult<bool> {
        let all = [Wanted::Recording, Wanted::Paused, Wanted::Stopped];
        let Some(wanted) = all.into_iter().find(|wanted| wanted.word() == to) else {
            return Err(PyValueError::new_err(format!("a session cannot be {to:?}")));
        };
        Ok(switches::switch(&self.name, wanted)?)
    }

    /// Has the processes of the run record a mark at the current time.
    fn mark(&self, name: &str) -> PyResult<()> {
        Ok(switches::mark(&self.name, name)?)
    }

    /// What the processes of the run with this id should do: `recording`, `paused` or `stopped`.
    fn wanted(&self, session_id: [u8; 16]) -> PyResult<&'static str> {
        Ok(switches::look(&self.name, session_id)?.wanted.word())
    }

    /// Unlocks the block, which stays.
    fn let_go(&self) {
        control::let_go(&self.name);
    }

    /// Removes the block.
    fn remove(&self) {
        control::remove(&self.name);
    }
}

/// What a control block says of its session.
#[pyclass(frozen, get_all, module = "viztracer.snaptrace")]
pub struct SessionDescription {
    /// The id of the session, as hexadecimal digits.
    session_id: String,
    /// The id of the kernel's boot, as hexadecimal digits.
    boot_id: String,
    /// The first process, in its PID namespace.
    pid: u32,
    /// When it started, in clock ticks since boot; 0 if unknown.
    process_start: u64,
    /// The inode number of its PID namespace; 0 if unknown.
    pid_namespace: u64,
    /// When the block was made, in ns since 1970.
    created: u64,
    /// Where the ring files are; empty if the block has no room for it.
    directory: PathBuf,
    /// The command line of the first process.
    command: Vec<String>,
    /// What its processes should do: `recording`, `paused` or `stopped`.
    wanted: &'static str,
}

/// What these bytes of a control block say; `None` if they are none, or damaged, or of another version.
#[pyfunction]
pub fn read_control_block(block: &[u8]) -> Option<SessionDescription> {
    let Session { description, directory, command, wanted, .. } = Session::parse(block).ok()?;
    Some(SessionDescription {
        session_id: hexadecimal(&description.session_id),
        boot_id: hexadecimal(&description.boot_id),
        pid: description.pid,
        process_start: description.process_start,
        pid_namespace: description.pid_namespace,
        created: description.created,
        directory: path_of(&directory),
        command,
        wanted: wanted.word(),
    })
}

/// The directory of all control blocks, and of the ring files of runs that merge them themselves.
#[pyfunction]
pub fn scratch_directory() -> OsString {
    control::directory().into_os_string()
}

/// Bytes as hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
