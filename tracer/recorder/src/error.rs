//! Why recording could not begin or go on.

use std::fmt;
use std::io::ErrorKind;
use std::path::PathBuf;
use thiserror::Error;

/// A reason not to record. The traced program goes on untraced.
#[derive(Debug, Error)]
pub enum RecorderError {
    /// The ring file could not be made.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// What was tried.
        action: FileAction,
        /// The file or directory.
        path: PathBuf,
        /// The operating system's error.
        source: std::io::Error,
    },
}

impl RecorderError {
    /// What was tried.
    pub fn action(&self) -> FileAction {
        let RecorderError::File { action, .. } = self;
        *action
    }

    /// Whether the ring is larger than what the process may map.
    pub fn is_too_large(&self) -> bool {
        let RecorderError::File { action, source, .. } = self;
        *action == FileAction::Map && source.kind() == ErrorKind::OutOfMemory
    }
}

/// What is done to make the ring file. It is displayed in words that precede the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileAction {
    /// Create a file in the directory.
    Create,
    /// Write the header.
    Write,
    /// Map the file into memory.
    Map,
    /// Give the file its name.
    Name,
    /// Allocate the first segments.
    Reserve,
}

impl fmt::Display for FileAction {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            FileAction::Create => "create a ring file in",
            FileAction::Write => "write",
            FileAction::Map => "map",
            FileAction::Name => "name",
            FileAction::Reserve => "reserve space for",
        })
    }
}
