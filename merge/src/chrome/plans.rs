//! A document that was read, as plans: one for each of its processes.

use super::clocks::Known;
use super::images::Image;
use super::import::Import;
use crate::error::Problem;
use crate::input::ring::State;
use crate::plan::account::{Account, Times};
use crate::plan::ending::Ending;
use crate::plan::file::{FilePlan, Source};
use crate::plan::imported::Imported;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use viztracer_format::clock::Anchor;
use viztracer_format::header::{CLOCK_MONOTONIC, Header, Identity};

/// The plans, in the order in which the document tells of the processes, or else they appear.
pub fn plans(path: &Path, metadata: &Metadata, import: Import) -> Result<Vec<FilePlan>, Problem> {
    let Import { imported, images, problems, times } = import;
    if images.is_empty() {
        return Err(problems.first.into_iter().next().unwrap_or_else(|| Problem::new("there are no events in it")));
    }
    let known = Known::of(&imported.metadata);
    let imported = Arc::new(Imported { zero: known.monotonic, realtime: known.realtime, ..imported });
    let of_document = Document { known, imported, times: times.unwrap_or_default(), file_id: file_id(metadata) };
    let mut problems = Some(problems);
    let plan = |image: Image| FilePlan {
        place: (metadata.dev(), metadata.ino()),
        length: metadata.len(),
        problems: problems.take().unwrap_or_default(),
        ..of_document.plan(path, image)
    };
    Ok(images.into_iter().map(plan).collect())
}

/// What a document tells of all its processes.
struct Document {
    known: Known,
    imported: Arc<Imported>,
    /// Its first moment and its last one.
    times: (i64, i64),
    file_id: [u8; 16],
}

impl Document {
    fn plan(&self, path: &Path, image: Image) -> FilePlan {
        let Image { pid, name: process, account, threads, calls, frames, tasks, state } = image;
        let told = account.as_deref();
        let is_dated = told.is_some_and(|told| told.times.is_some());
        let times = told.and_then(|told| told.times).unwrap_or_else(|| self.untold_times());
        let last = self.anchor(times.last, times.last_at);
        let header = self.header(pid, told, times, state == State::Sealed);
        FilePlan {
            pid,
            ending: told.map_or(Ending::Untold, Account::known_ending),
            process,
            waited_after: told.and_then(|told| told.waited_after),
            threads,
            calls,
            frames,
            tasks,
            last_moment: last.ticks,
            // The last one tells when the last record was made.
            anchors: if is_dated { vec![self.anchor(times.opened, times.opened_at), last] } else { Vec::new() },
            sync_marker: self.sync_marker(told),
            is_dated,
            source: Source::Json { imported: Arc::clone(&self.imported), account },
            ..FilePlan::empty(path, header, state)
        }
    }

    /// What is taken for the times of a process of which nothing is told.
    fn untold_times(&self) -> Times {
        let ((first, last), at) = (self.times, |time| self.known.anchor(time).realtime);
        Times { opened: first, opened_at: at(first), last, last_at: at(last), closed: None }
    }

    fn anchor(&self, time: i64, at: u64) -> Anchor {
        Anchor { realtime: at, ..self.known.anchor(time) }
    }

    fn sync_marker(&self, told: Option<&Account>) -> Option<i64> {
        let own = told.and_then(|told| told.sync_marker).map(|marker| self.known.monotonic.saturating_add(marker));
        own.or(self.known.sync_marker)
    }

    fn header(&self, pid: u32, told: Option<&Account>, times: Times, sealed: bool) -> Header {
        let unknown = Account::default();
        let told = told.unwrap_or(&unknown);
        let identity = Identity {
            clock: CLOCK_MONOTONIC,
            opened: self.anchor(times.opened, times.opened_at),
            boot_id: self.known.boot_id,
            monotonic_offset: self.known.monotonic_offset,
            file_id: self.file_id,
            pid: told.process_id.unwrap_or(pid),
            parent_pid: told.parent_id,
            python_version: told.python,
            session_id: told.session,
            entries: told.entries,
            ..Identity::new()
        };
        Header {
            identity,
            arguments: told.command.clone(),
            sealed,
            closed: times.closed.map_or(Anchor::default(), |closed| self.anchor(closed, times.last_at)),
            unmatched: told.unmatched,
            unnamed: told.unnamed,
            lost: told.lost,
            failure: told.failure,
            sync_marker: 0,
            ending: 0,
            last_sign: 0,
            gaps: told.gaps,
            forgotten: told.forgotten,
            switched: told.switched,
            forgotten_children: 0,
        }
    }
}

/// What the plans of one document have in common, and no other file has.
fn file_id(metadata: &Metadata) -> [u8; 16] {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&metadata.dev().to_le_bytes());
    id[8..].copy_from_slice(&metadata.ino().to_le_bytes());
    id
}
