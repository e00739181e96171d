//! A document that was read, as plans: one for each of its processes.

use super::Imported;
use super::clocks::{Known, ticks};
use super::import::Import;
use crate::ending::Ending;
use crate::error::Problem;
use crate::input::State;
use crate::plan::{Calls, FilePlan, Thread};
use std::collections::{HashMap, HashSet};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use viztracer_format::clock::Anchor;
use viztracer_format::header::{CLOCK_MONOTONIC, Forgotten, Header, Identity};

/// The plans, in the order in which the processes appear.
pub fn plans(path: &Path, metadata: &Metadata, import: Import) -> Result<Vec<FilePlan>, Problem> {
    let Import { imported, threads, processes, calls, problems, times } = import;
    if processes.is_empty() {
        return Err(problems.first.into_iter().next().unwrap_or_else(|| Problem::new("there are no events in it")));
    }
    let known = Known::of(&imported.metadata);
    let (first, last) = times.unwrap_or_default();
    let identity = Identity {
        clock: CLOCK_MONOTONIC,
        opened: known.anchor(first),
        boot_id: known.boot_id,
        monotonic_offset: known.monotonic_offset,
        file_id: file_id(metadata),
        ..Identity::new()
    };
    let imported = Arc::new(Imported { zero: known.monotonic, ..imported });
    let mut by_process = by_process(threads, calls);
    let mut problems = Some(problems);
    let plan = |(pid, process): (u32, Option<String>)| {
        let (threads, calls) = by_process.remove(&pid).unwrap_or_default();
        FilePlan {
            path: path.to_path_buf(),
            place: (metadata.dev(), metadata.ino()),
            length: metadata.len(),
            header: header(Identity { pid, ..identity }, known.anchor(last)),
            pid,
            state: State::Sealed,
            ending: Ending::Untold,
            process,
            threads,
            calls,
            skips: HashMap::new(),
            names: Vec::new(),
            payloads: Vec::new(),
            frames: Vec::new(),
            last_moment: ticks(last),
            anchors: Vec::new(),
            sync_marker: known.sync_marker,
            problems: problems.take().unwrap_or_default(),
            snapshot: None,
            imported: Some(Arc::clone(&imported)),
        }
    };
    Ok(processes.into_iter().map(plan).collect())
}

fn by_process(threads: Vec<(u32, Thread)>, calls: Vec<Calls>) -> HashMap<u32, (Vec<Thread>, Vec<Calls>)> {
    let used: HashSet<u32> = calls.iter().map(|calls| calls.thread).collect();
    let pids: Vec<u32> = threads.iter().map(|(pid, _)| *pid).collect();
    let mut by_process: HashMap<u32, (Vec<Thread>, Vec<Calls>)> = HashMap::new();
    for (pid, thread) in threads {
        // Some only bear the name of their process.
        if thread.name.is_some() || thread.is_incomplete() || used.contains(&thread.serial) {
            by_process.entry(pid).or_default().0.push(thread);
        }
    }
    for calls in calls {
        by_process.entry(pids[calls.thread as usize]).or_default().1.push(calls);
    }
    by_process
}

fn header(identity: Identity, closed: Anchor) -> Header {
    let (arguments, sealed) = (Vec::new(), true);
    Header {
        identity,
        arguments,
        sealed,
        closed,
        unmatched: 0,
        unnamed: 0,
        lost: 0,
        failure: 0,
        sync_marker: 0,
        ending: 0,
        last_sign: 0,
        gaps: 0,
        forgotten: Forgotten::default(),
    }
}

/// What the plans of one document have in common, and no other file has.
fn file_id(metadata: &Metadata) -> [u8; 16] {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&metadata.dev().to_le_bytes());
    id[8..].copy_from_slice(&metadata.ino().to_le_bytes());
    id
}
