//! The plans of a document that was read: one for each of its processes.

use super::clocks::{DocumentClock, ticks};
use super::images::Image;
use super::import::Import;
use crate::error::Problem;
use crate::input::ring::State;
use crate::plan::account::{Account, RecordedTimes};
use crate::plan::elided::{ElidedFunction, ElidedSince, earliest};
use crate::plan::ending::Ending;
use crate::plan::estimate::Estimates;
use crate::plan::file::{FilePlan, Source};
use crate::plan::imported::{Imported, Name};
use crate::plan::recording::Recording;
use crate::storage::inode::Inode;
use crate::text::display::display_name;
use std::fs::Metadata;
use std::path::Path;
use std::sync::Arc;
use viztracer_format::clock::Anchor;

/// Makes the plans, in the order in which a report lists its processes, or else in that of their first events.
pub fn plans(path: &Path, metadata: &Metadata, import: Import) -> Result<Vec<FilePlan>, Problem> {
    let Import { imported, images, problems, times } = import;
    if images.is_empty() {
        return Err(problems.first.into_iter().next().unwrap_or_else(|| Problem::new("there are no events in it")));
    }
    let clock = DocumentClock::of(&imported.metadata);
    let imported = Arc::new(Imported { zero: clock.monotonic, realtime: clock.realtime, ..imported });
    let document = PlannedDocument { path, metadata, clock, imported, times: times.unwrap_or_default() };
    let mut plans: Vec<FilePlan> = images.into_iter().map(|image| document.plan(image)).collect();
    if let Some(first) = plans.first_mut() {
        first.problems = problems;
    }
    Ok(plans)
}

/// What all plans of a document share.
struct PlannedDocument<'a> {
    path: &'a Path,
    metadata: &'a Metadata,
    clock: DocumentClock,
    imported: Arc<Imported>,
    /// The times of the first event and the last one.
    times: (i64, i64),
}

impl PlannedDocument<'_> {
    fn plan(&self, image: Image) -> FilePlan {
        let Image { pid, name: process, account, threads, calls, frames, arguments, tasks, task_begins, state } = image;
        let unreported = Account::default();
        let reported = account.as_deref().unwrap_or(&unreported);
        let is_dated = reported.times.is_some();
        let times = reported.times.unwrap_or_else(|| self.times_of_document());
        let (opened, last) = (self.anchor(times.opened, times.opened_at), self.anchor(times.last, times.last_at));
        let closed = times.closed.filter(|_| state == State::Sealed);
        let recording = Recording {
            pid: reported.process_id.unwrap_or(pid),
            parent_pid: reported.parent_id,
            arguments: reported.command.clone(),
            python_version: reported.python,
            session_id: reported.session,
            entries: reported.entries,
            host: reported.host.clone(),
            boot: self.clock.boot,
            monotonic_offset: self.clock.monotonic_offset,
            ticks_are_nanoseconds: true,
            opened,
            closed: closed.map(|closed| self.anchor(closed, times.last_at)),
            lost: reported.lost,
            unnamed: reported.unnamed,
            unmatched: reported.unmatched,
            gaps: reported.gaps,
            forgotten: reported.forgotten,
            switched: reported.switched,
            failure: reported.failure,
        };
        let ending = account.as_deref().map_or(Ending::Untold, Account::known_ending);
        let (waited_after, sync_marker) = (reported.waited_after, self.sync_marker(reported));
        let (elided, estimates, bursts) = (self.elided(reported), estimates(reported), reported.bursts);
        let source = Source::Json { imported: Arc::clone(&self.imported), account };
        FilePlan {
            pid,
            state,
            length: self.metadata.len(),
            ending,
            process,
            waited_after,
            threads,
            calls,
            frames,
            arguments,
            tasks,
            task_begins: task_begins.into_iter().map(|(task, time)| (task, ticks(time))).collect(),
            last_moment: last.ticks,
            // The last anchor is the time of the last record.
            anchors: if is_dated { vec![opened, last] } else { Vec::new() },
            sync_marker,
            elided,
            estimates,
            bursts,
            is_dated,
            ..FilePlan::empty(self.path, Inode::at(self.path, self.metadata), recording, source)
        }
    }

    /// The times that a process gets of which the document does not say when it was recorded: those of all events.
    fn times_of_document(&self) -> RecordedTimes {
        let ((first, last), at) = (self.times, |time| self.clock.anchor(time).realtime);
        RecordedTimes { opened: first, opened_at: at(first), last, last_at: at(last), closed: None }
    }

    /// What the clocks showed at a time of the document, whose realtime is known.
    fn anchor(&self, time: i64, realtime: u64) -> Anchor {
        Anchor { realtime, ..self.clock.anchor(time) }
    }

    /// The functions of which not all calls are recorded, with names taken apart as those of events are.
    fn elided(&self, reported: &Account) -> ElidedSince<u64> {
        earliest(reported.elided.iter().map(|(elided, since)| (named(elided), self.clock.anchor(*since).ticks)))
    }

    /// The time to align the process by, on the monotonic clock: its own marker, or that of the document.
    fn sync_marker(&self, reported: &Account) -> Option<i64> {
        let own = reported.sync_marker.map(|marker| self.clock.monotonic.saturating_add(marker));
        own.or(self.clock.sync_marker)
    }
}

/// About how many calls of these functions are not recorded.
fn estimates(reported: &Account) -> Estimates {
    reported.estimates.iter().map(|(elided, about)| (named(elided), *about)).collect()
}

/// The function with its name taken apart as those of events are.
fn named(elided: &ElidedFunction) -> ElidedFunction {
    let name = Name::of(&display_name(&elided.function()));
    ElidedFunction::of(&name.function(), elided.only_c_calls)
}
