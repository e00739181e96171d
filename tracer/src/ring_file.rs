//! What Python learns of ring files: which run one belongs to, and whether its process still writes it.

use pyo3::prelude::*;
use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;
use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind, Read, Result};
use std::mem::offset_of;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use viztracer_format::header::{Identity, MAGIC};

/// The identity of the run that a ring file belongs to; `None` if it is no ring file, or cannot be read.
///
/// It is there for every version of the format, also for files that this version cannot merge.
#[pyfunction]
pub fn ring_session(path: PathBuf) -> Option<[u8; 16]> {
    let mut identity = [0; size_of::<Identity>()];
    open(&path).ok()?.read_exact(&mut identity).ok()?;
    let session_id = identity[offset_of!(Identity, session_id)..].first_chunk().copied();
    session_id.filter(|_| identity.starts_with(&MAGIC))
}

/// Whether the process that writes this ring file is alive: it holds a lock on the file.
#[pyfunction]
pub fn is_ring_open(path: PathBuf) -> bool {
    open(&path).is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockShared) == Err(Errno::WOULDBLOCK))
}

/// Waits until the process that writes this ring file has ended. A signal's handler may raise meanwhile.
#[pyfunction]
pub fn await_ring(python: Python<'_>, path: PathBuf) -> PyResult<()> {
    let Ok(file) = open(&path) else { return Ok(()) };
    while python.detach(|| flock(&file, FlockOperation::LockShared)) == Err(Errno::INTR) {
        python.check_signals()?;
    }
    Ok(())
}

/// Opens a regular file for reading. Others may put a FIFO beside the user's files, which must not be waited for.
fn open(path: &Path) -> Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let flags = i32::try_from(flags.bits()).map_err(|_| ErrorKind::InvalidInput)?;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(Error::from(ErrorKind::InvalidInput)) }
}
