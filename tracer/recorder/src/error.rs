//! Why recording could not begin or go on.

use std::path::PathBuf;
use thiserror::Error;

/// A reason not to record. The traced program goes on without it.
#[derive(Debug, Error)]
pub enum RecorderError {
    /// The ring file could not be created, sized or mapped.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
}
