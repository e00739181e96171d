//! What Python learns of ring files: which run one belongs to, whether its process still writes it, and how much.

use crate::control::hexadecimal;
use crate::system::{await_writer, is_written, open_regular};
use pyo3::prelude::*;
use std::io::Read;
use std::mem::offset_of;
use std::path::PathBuf;
use viztracer_format::header::{Identity, MAGIC};

/// The identity of the run that a ring file belongs to; `None` if it is no ring file, or cannot be read.
///
/// It is there for every version of the format, also for files that this version cannot merge.
#[pyfunction]
pub fn ring_session(path: PathBuf) -> Option<[u8; 16]> {
    let mut identity = [0; size_of::<Identity>()];
    open_regular(&path).ok()?.read_exact(&mut identity).ok()?;
    let session_id = identity[offset_of!(Identity, session_id)..].first_chunk().copied();
    session_id.filter(|_| identity.starts_with(&MAGIC))
}

/// Whether the process that writes this ring file is alive: it holds a lock on the file.
#[pyfunction]
pub fn is_ring_open(path: PathBuf) -> bool {
    open_regular(&path).is_ok_and(|file| is_written(&file))
}

/// Waits until the process that writes this ring file has ended. A signal's handler may raise meanwhile.
#[pyfunction]
pub fn await_ring(python: Python<'_>, path: PathBuf) -> PyResult<()> {
    let Ok(file) = open_regular(&path) else { return Ok(()) };
    while !python.detach(|| await_writer(&file)) {
        python.check_signals()?;
    }
    Ok(())
}

/// What the header of a ring file says, and whether its process lives.
#[pyclass(frozen, get_all, module = "viztracer.snaptrace")]
pub struct RingFacts {
    /// Whether its process lives: `sealed`, `crashed` or `living`.
    state: &'static str,
    /// The id of the process in its PID namespace.
    pid: u32,
    /// The id of the run, as hexadecimal digits.
    session_id: String,
    /// The command line of the process.
    command: Vec<String>,
    /// When the file was opened, in ns since 1970.
    opened: u64,
}

/// What the header of a ring file says; `None` if it is none, or cannot be read. A symbolic link is not followed.
#[pyfunction]
pub fn ring_facts(python: Python<'_>, path: PathBuf) -> Option<RingFacts> {
    python.detach(|| viztracer_merge::facts(&path)).ok().map(RingFacts::from)
}

impl From<viztracer_merge::RingFacts> for RingFacts {
    fn from(facts: viztracer_merge::RingFacts) -> RingFacts {
        RingFacts {
            state: facts.state.word(),
            pid: facts.pid,
            session_id: hexadecimal(&facts.session_id),
            command: facts.command,
            opened: facts.opened,
        }
    }
}

/// What a ring file holds now.
#[pyclass(frozen, get_all, module = "viztracer.snaptrace")]
pub struct RingStatus {
    /// Whether its process lives: `sealed`, `crashed` or `living`.
    state: &'static str,
    /// The id of the process in its PID namespace.
    pid: u32,
    /// When the process started, in clock ticks since boot; 0 if unknown.
    process_start: u64,
    /// The name of the process, if it has one.
    name: Option<String>,
    /// The command line of the process.
    command: Vec<String>,
    /// Threads that have recorded and live.
    threads: usize,
    /// Events that were ever recorded: calls that have ended, and what the program logs.
    events: u64,
    /// Those among them that are overwritten.
    overwritten: u64,
    /// Events for which there was no space.
    lost: u64,
    /// Since when nothing is overwritten, in ns since 1970.
    complete_since: u64,
    /// When the newest segment was opened, or the file closed, to a second; in ns since 1970.
    written: u64,
    /// Whether its process has followed a pause of the session.
    is_paused: bool,
}

/// What a ring file holds now; `None` if it is none, or cannot be read. A symbolic link is not followed, and a process
/// that writes the file is not disturbed.
#[pyfunction]
pub fn ring_status(python: Python<'_>, path: PathBuf) -> Option<RingStatus> {
    let status = python.detach(|| viztracer_merge::look(&path)).ok()?;
    Some(RingStatus {
        state: status.facts.state.word(),
        pid: status.facts.pid,
        process_start: status.facts.process_start,
        name: status.name,
        command: status.facts.command,
        threads: status.threads,
        events: status.events,
        overwritten: status.overwritten,
        lost: status.lost,
        complete_since: status.complete_since,
        written: status.written,
        is_paused: status.is_paused,
    })
}
