//! The runs of one side, read.

use super::matching::is_unknown;
use crate::error::MergeError;
use crate::parallel::progress::Watch;
use crate::plan::ending::Ending;
use crate::report::bursts;
use crate::report::elided::notes;
use crate::report::loss;
use crate::report::summary::{FileSummary, Summary};
use crate::report::write::CollectedFunctions;
use crate::text::display;
use crate::trace::Trace;

/// A run: all processes that were traced together.
#[derive(Debug, Default)]
pub struct Run {
    /// The functions of all its processes.
    pub functions: CollectedFunctions,
    /// What is known of its processes.
    pub summary: Summary,
}

impl Run {
    /// Reads each run of a trace.
    pub fn read(trace: Trace<'_>, watch: &dyn Watch) -> Result<Vec<Run>, MergeError> {
        let read = |run: Trace<'_>| run.functions(watch).map(|(functions, summary)| Run { functions, summary });
        trace.runs()?.into_iter().map(read).collect()
    }

    /// Whether calls of the selected part of the run are missing, of whatever functions.
    pub fn is_partial(&self) -> bool {
        let has_unknown = || self.functions.rows.iter().any(|(function, _)| function.as_ref().is_none_or(is_unknown));
        !self.summary.bad.is_empty() || self.summary.files.iter().any(lacks_calls) || has_unknown()
    }

    /// Whether the times may be wrong.
    pub fn is_switched(&self) -> bool {
        self.summary.files.iter().any(|file| file.switched)
    }

    /// Whether not all calls of C functions are recorded.
    pub fn elides_c_calls(&self) -> bool {
        self.functions.rows.iter().any(|(_, row)| row.elides_c_calls)
    }

    /// A line for each file of which something is missing, and for each process that was killed or still runs.
    pub fn losses(&self) -> Vec<String> {
        let running = self.summary.files.iter().filter(|file| file.ending == Ending::Running);
        let running = running.map(|file| format!("{}: still running when it was read", display::path(&file.path)));
        loss::lines(&self.summary).into_iter().chain(running).collect()
    }

    /// What is to be said of functions of which not all calls are recorded.
    pub fn elided(&self) -> Vec<String> {
        let accounts = || self.summary.files.iter().map(|file| &file.account);
        let notes = notes(accounts().flat_map(|account| account.elided.keys()));
        notes.into_iter().chain(bursts::note(accounts().map(|account| account.bursts))).collect()
    }
}

/// Whether calls are missing in a file, may still come, or are not those of the functions that were called.
fn lacks_calls(file: &FileSummary) -> bool {
    let counts = [
        file.forgotten_events,
        file.forgotten_threads,
        file.lost(),
        file.damaged(),
        file.unnamed,
        file.unmatched,
        file.gaps,
        file.failure,
        file.account.bursts.count,
    ];
    file.ending == Ending::Running
        || counts.iter().any(|count| *count > 0)
        || file.threads.iter().any(|thread| thread.overwritten_time.is_some())
}
