//! What the tests and the fuzz targets share: any bytes through a whole merge, and what must hold whatever they are.

#![allow(dead_code, reason = "every test binary uses the part that it needs")]

#[path = "../../../format/tests/support/repair.rs"]
pub mod repair;
pub mod report;

use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;
use viztracer_merge::{MergeError, Request, Selection, Summary, merge};

/// The golden files of format version 1, of which segments have 4 KiB.
pub const GOLDEN: [&[u8]; 3] = [
    include_bytes!("../../../format/tests/golden/v1.bin"),
    include_bytes!("../../../format/tests/golden/v1-tasks.bin"),
    include_bytes!("../../../format/tests/golden/v1-labels.bin"),
];
/// Another one, in which nothing happens.
pub const SOURCES: &[u8] = include_bytes!("../../../format/tests/golden/v1-sources.bin");

/// Bytes of the golden files' pages: the header, or a segment.
pub const PAGE: usize = 4096;

/// The kinds of report that are read differently.
pub const OUTPUTS: [&str; 3] = ["out.json", "out.pftrace", "out.folded"];
/// The others but the page; what is left are the same, compressed.
pub const MORE_OUTPUTS: [&str; 3] = ["out.speedscope.json", "out.csv", "out.parquet"];

/// Some inputs in a directory of their own.
pub struct Case {
    directory: TempDir,
    inputs: Vec<PathBuf>,
    /// Whether metadata events are ours alone.
    are_rings: bool,
}

impl Case {
    /// Files with these contents, by the ending that sets their kind.
    pub fn new<'a>(files: impl IntoIterator<Item = &'a [u8]>, ending: &str) -> Case {
        let directory = tempfile::tempdir().expect("a directory");
        let inputs = files.into_iter().enumerate().map(|(number, bytes)| {
            let path = directory.path().join(format!("{number}.{ending}"));
            fs::write(&path, bytes).expect("the file is written");
            path
        });
        let inputs = inputs.collect();
        Case { directory, inputs, are_rings: ending == "bin" }
    }

    /// Merges them into a report of the kind that its name says, which is checked. Without inputs there is none.
    pub fn merge(&self, output: &str, selection: Selection) -> Option<(Summary, Vec<u8>)> {
        let path = self.directory.path().join(output);
        let request = Request { threads: Some(1), selection, ..Request::new(self.inputs.clone(), path.clone()) };
        match merge(&request, &()) {
            Ok(summary) => {
                let bytes = fs::read(&path).expect("the report is there");
                report::check(output, &bytes, summary.events(), self.are_rings);
                Some((summary, bytes))
            }
            Err(MergeError::NothingReadable(bad)) => {
                assert_eq!(bad.len(), self.inputs.len());
                assert!(!path.exists());
                None
            }
            Err(error) => panic!("{output}: {error}"),
        }
    }
}

/// What a fuzz target does with bytes that may be a ring file.
pub fn ring(bytes: &[u8]) {
    let repaired = repair::repair(bytes);
    let case = Case::new([bytes, &repaired], "bin");
    let all = OUTPUTS.map(|output| case.merge(output, Selection::default()).map(|(summary, _)| summary.events()));
    assert!(all.iter().all(|events| *events == all[0]), "{all:?}");
    for output in MORE_OUTPUTS {
        case.merge(output, Selection::default());
    }
    case.merge("some.json", Selection { max_depth: Some(1), ..Selection::default() });
}

/// The same with the page, which takes a hundred times as long, as it is packed with all that it shows the trace with.
pub fn page(bytes: &[u8]) {
    let repaired = repair::repair(bytes);
    Case::new([bytes, &repaired], "bin").merge("out.html", Selection::default());
}

/// What a fuzz target does with bytes that may be a report of ours or of another tracer.
pub fn chrome(bytes: &[u8]) {
    // Half a surrogate pair is passed on as it is, which the reader that checks the report does not take.
    if bytes.windows(3).any(|escape| matches!(escape, b"\\ud" | b"\\uD")) {
        return;
    }
    let case = Case::new([bytes], "json");
    for output in OUTPUTS.iter().chain(&MORE_OUTPUTS) {
        case.merge(output, Selection::default());
    }
}
