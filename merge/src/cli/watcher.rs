//! Progress, interruption and standard output of the command.

use crate::error::MergeError;
use crate::parallel::progress::{Bar, Stage, Watch};
use std::io;

/// Watches the work: shows a bar, and stops it when the command is interrupted.
pub struct Watcher<'a> {
    bar: Bar,
    interrupted: &'a dyn Fn() -> bool,
}

impl Watcher<'_> {
    /// With a bar, unless that is hidden.
    pub fn new(hidden: bool, interrupted: &dyn Fn() -> bool) -> Watcher<'_> {
        Watcher { bar: Bar::new(hidden), interrupted }
    }
}

impl Watch for Watcher<'_> {
    fn progress(&self, stage: Stage, done: u64, total: u64) {
        self.bar.show(stage, done, total);
    }

    fn stopped(&self) -> bool {
        (self.interrupted)()
    }
}

/// Shows a progress bar, unless that is hidden, while `work` runs.
pub fn watched<T>(hidden: bool, interrupted: &dyn Fn() -> bool, work: impl FnOnce(&dyn Watch) -> T) -> T {
    let watcher = Watcher::new(hidden, interrupted);
    let done = work(&watcher);
    watcher.bar.clear();
    done
}

/// Passes an error of standard output on. A reader that goes away has read enough, so that is no error.
pub fn printed(result: io::Result<()>) -> Result<(), MergeError> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(MergeError::Interrupted),
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(MergeError::Print(error)),
        _ => Ok(()),
    }
}
