//! Ring files of any number of processes, and traces in JSON, into reports.
//!
//! The data's way, one room after the other; each uses only those before it:
//!
//! ```text
//! inputs --input--> ring files, traces in JSON
//!        --plan, chrome, survey--> a plan of each process; what was in JSON is in a temporary file
//!        --align--> one time line
//!        --events--> moments, and steps if calls must nest
//!        --report--> text, in parallel and in order: the report, or the table of functions
//!        --inspect--> or a line about each file, each record of one, or what each process did when it died
//! ```
//!
//! `text`, `error`, `parallel` and `storage` are the ground that all of them stand on; `trace` leads from inputs to
//! what a `request` asks for, and `cli` is the command.
//!
//! Plans are small: 24 bytes for a segment of up to 4,000 events. The events themselves are read when their turn comes
//! to be written, a few segments at a time, so memory does not grow with the trace. A file that is still being written
//! is copied first. Files are read with `pread` and believed in nothing: what cannot be read is named in the
//! [`Summary`] and the rest is merged.

// How things are named and shown.
mod text;
// What can go wrong.
mod error;
// Work by many threads, in order.
mod parallel;
// Where bytes go.
mod storage;

// Files are found and opened.
mod input;
// What there is in one file.
mod plan;
// Traces in JSON into plans.
mod chrome;
// All inputs into plans.
mod survey;

// One time line for all files.
mod align;
// Decoded, nested, selected.
mod events;

// The report.
mod report;
// What needs no report.
mod inspect;

// What is asked for.
mod request;
// From inputs to what was asked for.
mod trace;
// The command.
pub mod cli;

#[cfg(test)]
mod sample;

pub use align::{Align, Offset};
pub use cli::command;
pub use error::{BadInput, MergeError, Problem, Problems};
pub use events::selection::{Bound, Selection};
pub use input::ring::State;
pub use parallel::progress::{Bar, Stage, Watch};
pub use plan::ending::Ending;
pub use report::innermost::Innermost;
pub use report::prefixes::Prefixes;
pub use report::sources::LeftOut;
pub use report::summary::{FileSummary, Summary, ThreadSummary};
pub use report::write::{is_output_name, output_kinds};

pub use request::Request;

#[doc(hidden)]
pub use report::write::gzip::of_level as gzip_of_level;

use std::path::Path;

/// Writes the report that was asked for. On an error, and when `watch` says stop, there is nothing of it.
pub fn merge(request: &Request, watch: &dyn Watch) -> Result<Summary, MergeError> {
    let format = report::write::Format::of(&request.output, None)?;
    storage::output::check_writable(&request.output)?;
    trace::Trace::read(request, watch)?.report(watch, &request.output, format)
}

/// Characters of the command line of a process that has no name yet.
const COMMAND_MAX: usize = 60;

/// Whose ring file this is, as `worker (pid 4712)`; `None` if it cannot be read.
pub fn process_of(path: &Path) -> Option<String> {
    let input = input::ring::Input::open(path).ok()?;
    let table = survey::table::Table::read(&input, &mut Problems::default());
    let pid = input.header.identity.pid;
    let command = || input.header.arguments.join(" ").chars().take(COMMAND_MAX).collect();
    let name = plan::names::Names::read(&input, &table.names(), drop).process.unwrap_or_else(command);
    Some(text::display::printable(&format!("{name} (pid {pid})")))
}

#[cfg(test)]
mod tests;
