//! The harness of the tests across crates: it records, and reads the recording in two ways.
//!
//! ```text
//! recorder --> ring file --> contents: by the format's reader: every event
//!                       \--> report: by the merge: the JSON report
//! ```
//!
//! [`program`] makes the same calls in any process. `src/bin/record.rs` is the process that is killed, or gets too
//! little disk or memory.

pub mod contents;
pub mod left;
pub mod program;
pub mod report;

use std::path::{Path, PathBuf};
use viztracer_recorder::Options;

/// Options for a ring of this many entries in this directory.
pub fn options(directory: &Path, entries: u64) -> Options {
    Options {
        directory: directory.to_owned(),
        prefix: "result".to_owned(),
        entries,
        min_duration: 0,
        max_depth: 1000,
        session_id: [7; 16],
        python_version: 0x030c_01f0,
        imported: Default::default(),
        look_interval: None,
        slow_call: 0,
        budget: None,
    }
}

/// The names in a directory, sorted.
pub fn names_in(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).expect("the directory is there");
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.expect("an entry").file_name();
    let mut names: Vec<String> = entries.map(|e| name(e).to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// The ring files in a directory, sorted.
pub fn ring_files(directory: &Path) -> Vec<PathBuf> {
    let names = names_in(directory).into_iter().filter(|name| name.ends_with(".bin"));
    names.map(|name| directory.join(name)).collect()
}
