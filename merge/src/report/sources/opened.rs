//! A source file that was opened.

use std::fs::File;
use std::path::PathBuf;

/// A source file that may be read, and the path that it was opened by, without links.
pub struct OpenedSource {
    pub file: File,
    pub resolved: PathBuf,
}
