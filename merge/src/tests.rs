//! Whole merges of small ring files, from bytes to text.

mod again;
mod as_of;
mod calls;
#[cfg(unix)]
mod changes;
mod clocks;
mod damage;
mod damaged_payloads;
mod documents;
mod elided;
mod functions;
mod inspection;
mod json;
mod logged;
mod missing;
mod names;
mod newest;
#[cfg(unix)]
mod outputs;
mod page;
mod unclosed;
#[cfg(unix)]
mod unwritable;
mod uptime;
mod waits;

use crate::sample::{Ring, call, small};
use crate::{Request, Summary, command, merge};
use serde_json::Value;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;
use viztracer_format::names::{SourceIdentity, source_entry};
use viztracer_format::record::Record;

/// One report of each kind.
const OUTPUTS: [&str; 10] = [
    "out.json",
    "out.json.gz",
    "out.pftrace",
    "out.pftrace.gz",
    "out.folded",
    "out.speedscope.json",
    "out.speedscope.json.gz",
    "out.csv",
    "out.parquet",
    "out.html",
];

impl Ring {
    /// Vouches for a source file as it is now.
    pub fn source(&mut self, path: &str) {
        let metadata = std::fs::metadata(path).unwrap();
        let modified = crate::system::modified(&metadata) as u64;
        let (device, inode) = crate::system::identity_at(path.as_ref(), &metadata);
        let size = metadata.len();
        self.names.extend(source_entry(path, &SourceIdentity { device, inode, size, modified }, 3000).unwrap());
    }
}

/// A directory with ring files in it.
struct Case {
    directory: TempDir,
    inputs: Vec<PathBuf>,
}

impl Case {
    fn new() -> Case {
        Case { directory: tempfile::tempdir().unwrap(), inputs: Vec::new() }
    }

    /// The exit status of the command with these words and the inputs behind them.
    fn run(&self, words: &[&str]) -> u8 {
        let inputs = self.inputs.iter().map(OsString::from);
        let here = |word: &&str| match word.strip_prefix("@") {
            Some(name) => self.directory.path().join(name).into_os_string(),
            None => word.into(),
        };
        let words = ["viztracer-merge", "-q"].iter().chain(words).map(here);
        command(words.chain(inputs), &|| false)
    }

    fn of(ring: Ring, sealed: bool) -> Case {
        let mut case = Case::new();
        case.add("a.bin", ring.bytes(sealed));
        case
    }

    fn add(&mut self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.directory.path().join(name);
        fs::write(&path, bytes).unwrap();
        self.inputs.push(path.clone());
        path
    }

    fn merge(&self, output: &str, threads: usize) -> (Summary, Vec<u8>) {
        let output = self.directory.path().join(output);
        let threads = Some(threads);
        let request = Request { threads, ..Request::new(self.inputs.clone(), output.clone()) };
        let summary = merge(&request, &()).unwrap();
        (summary, fs::read(output).unwrap())
    }

    fn json(&self) -> (Summary, Value) {
        let (summary, text) = self.merge("out.json", 2);
        (summary, serde_json::from_slice(&text).unwrap())
    }

    /// The report in JSON in which events show where events are missing.
    fn showing_losses(&self) -> Value {
        let output = self.directory.path().join("showing.json");
        let request = Request { show_losses: true, ..Request::new(self.inputs.clone(), output.clone()) };
        merge(&request, &()).unwrap();
        serde_json::from_slice(&fs::read(output).unwrap()).unwrap()
    }

    fn command(&self, more: &[&str]) -> u8 {
        let output = self.directory.path().join("out.json");
        let mut arguments: Vec<OsString> = vec!["viztracer-merge".into(), "-o".into()];
        arguments.push(output.into());
        arguments.extend(self.inputs.iter().map(OsString::from));
        arguments.extend(more.iter().map(OsString::from));
        command(arguments, &|| false)
    }
}

/// Events of a report without the names of processes and threads.
fn events(report: &Value) -> Vec<&Value> {
    let events = report["traceEvents"].as_array().unwrap();
    events.iter().filter(|event| event["ph"] != "M").collect()
}

/// Many segments of several threads in three files: enough for parts to overtake each other.
fn large(pid: u32) -> Ring {
    let mut ring = small(pid);
    for id in 3..600 {
        ring.function(id, &format!("function_{id}"), "/x/some/file.py", id);
    }
    for segment in 0..120u64 {
        let at = |i: u64| 5_000_000 + (segment * 248 + i) * 1000;
        let records: Vec<Record> = (0..248).map(|i| call((i % 600) as u32, at(i), 10 + i * 7)).collect();
        ring.calls(1 + (segment % 3) as u32, segment / 3 * 248, &records, true);
    }
    ring
}
