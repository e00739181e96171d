//! What the tests of the recorder share: options for a small recording, segments on the heap, and the contents of a
//! file.

#![allow(dead_code, reason = "every test binary uses the part that it needs")]

pub mod contents;
pub mod heap;

use std::path::Path;
use viztracer_recorder::Options;

/// A ring of this many entries in this directory.
pub fn options(directory: &Path, entries: u64) -> Options {
    Options {
        directory: directory.to_owned(),
        prefix: "result".to_owned(),
        entries,
        min_duration: 0,
        max_depth: 1000,
        session_id: [0; 16],
        python_version: 0,
        imported: Default::default(),
        look_interval: None,
        slow_call: 0,
        budget: None,
    }
}
