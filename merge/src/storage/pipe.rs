//! A report that goes into a named pipe. A reader may never come, so that the wait for it must be interruptible.

use crate::error::MergeError;
use crate::parallel::progress::Watch;
use crate::storage::output::is_planted;
use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

const PAUSE: Duration = Duration::from_millis(10);

/// Waits until the output has a reader, if it is a pipe. The descriptor keeps the reader until the report is opened.
pub fn wait_for_reader(output: &Path, watch: &dyn Watch) -> Result<Option<OwnedFd>, MergeError> {
    if !fs::metadata(output).is_ok_and(|metadata| metadata.file_type().is_fifo()) {
        return Ok(None);
    }
    if is_planted(output) {
        return Ok(None); // opening the report fails and says why
    }
    loop {
        match open(output, OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty()) {
            Err(Errno::NXIO) if watch.stopped() => return Err(MergeError::Interrupted),
            Err(Errno::NXIO) => sleep(PAUSE),
            opened => return Ok(opened.ok()), // if this fails, opening the report fails and says why
        }
    }
}
