//! A report that goes into a named pipe. A reader may never come, so that the wait for it must be interruptible.

use crate::error::MergeError;
use crate::parallel::progress::Watch;
use crate::storage::output::is_planted;
use crate::system::{is_pipe, open_read_pipe};
use std::fs::{self, File};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

const PAUSE: Duration = Duration::from_millis(10);

/// Waits until the output has a reader, if it is a pipe. What is opened here keeps the reader until the report is opened.
pub fn wait_for_reader(output: &Path, watch: &dyn Watch) -> Result<Option<File>, MergeError> {
    if !fs::metadata(output).is_ok_and(|metadata| is_pipe(&metadata)) {
        return Ok(None);
    }
    if is_planted(output) {
        return Ok(None); // opening the report fails and says why
    }
    loop {
        match open_read_pipe(output) {
            None if watch.stopped() => return Err(MergeError::Interrupted),
            None => sleep(PAUSE),
            Some(opened) => return Ok(opened.ok()), // if this fails, opening the report fails and says why
        }
    }
}
