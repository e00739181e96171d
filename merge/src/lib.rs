//! Ring files of any number of processes, and traces in JSON, into reports.
//!
//! The modules in the order of the data; each uses only those before it:
//!
//! ```text
//! inputs --input--> ring files, traces in JSON
//!        --plan, chrome, survey--> a plan of each process; events in JSON are in a temporary file
//!        --align--> one time line
//!        --events--> events, and stack events where calls must nest
//!        --report--> the report, or the table of functions: formatted in parallel, written in order
//!        --inspect--> or a row about each file, a line about each record, the last words of each process
//! ```
//!
//! `report::write::json` writes traces in JSON; `chrome` only reads them.
//!
//! All of them use `text`, `error`, `parallel`, `system` and `storage`. `trace` makes from inputs what a `request`
//! asks for, `compare` puts the functions of two traces side by side, and `cli` is the command.
//!
//! Plans are small: 32 bytes for a segment of up to 4,000 events. The events are read when they are written, a few
//! segments at a time, so memory does not grow with the trace. A file that is still being written is copied first.
//! Files are read with `pread` and not trusted: a part that cannot be read is listed in the [`Summary`], and the rest
//! is merged.
//!
//! # Example
//!
//! ```
//! use viztracer_merge::{Request, merge};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! # let traces = directory.path().join("trace.json");
//! # std::fs::write(&traces, r#"{"traceEvents": [{"name": "f", "ph": "X", "pid": 1, "tid": 1, "ts": 1, "dur": 3}]}"#)?;
//! # let output = directory.path().join("stacks.folded");
//! let mut request = Request::new(vec![traces], output); // the ending of its name selects the kind of the report
//! request.selection.max_depth = Some(20);
//! let summary = merge(&request, &())?;
//! for input in &summary.bad {
//!     eprintln!("{} is not in {}", input.path.display(), summary.output.display());
//! }
//! # assert!(std::fs::read_to_string(&summary.output)?.contains("f 3"));
//! # Ok(())
//! # }
//! ```

// Names, numbers, dates and tables as people read them.
mod text;
// Errors.
mod error;
// Work by many threads, with results in order.
mod parallel;
// What operating systems do differently.
mod system;
// Output and temporary files.
mod storage;

// Finds and opens files.
mod input;
// The plan of one process.
mod plan;
// Imports traces in JSON.
mod chrome;
// Makes the plans of all inputs.
mod survey;

// One time line for all files.
mod align;
// Decodes, nests and selects events.
mod events;

// The report.
mod report;
// Shows files without a report.
mod inspect;

// The request.
mod request;
// Makes from inputs what a request asks for.
mod trace;
// Compares runs.
mod compare;
// The command.
pub mod cli;

#[cfg(test)]
mod sample;

pub use align::{Align, Offset};
pub use cli::{combine, command};
pub use error::{BadInput, MergeError, Problem, Problems};
pub use events::selection::{AsOf, Bound, Selection};
pub use input::ring::State;
pub use inspect::live::{RingFacts, RingStatus, facts, look};
pub use parallel::progress::{Bar, Stage, Watch};
pub use plan::ending::Ending;
pub use report::innermost::Innermost;
pub use report::prefixes::Prefixes;
pub use report::sources::LeftOut;
pub use report::summary::{FileSummary, Summary, ThreadSummary};
pub use report::write::{is_output_name, output_kinds};
pub use text::when::parse_duration;

pub use regex::Regex;
pub use request::Request;
pub use trace::calls::{CallStream, Calls};
pub use trace::tiles::{TileSettings, Tiles, Where};

#[doc(hidden)]
pub use report::write::gzip::of_level as gzip_of_level;

use std::path::Path;

/// Writes the report of a request. On an error, and when `watch` stops the merge, no report is left.
pub fn merge(request: &Request, watch: &dyn Watch) -> Result<Summary, MergeError> {
    let format = report::write::Format::of(&request.output, None)?;
    format.check_writable(&request.output)?;
    if !request.replaces {
        storage::output::check_vacant(&request.output)?;
    }
    trace::Trace::read(request, watch)?.report(watch, &request.output, format)
}

/// The most characters of a command line that stands for the name of a process.
const COMMAND_MAX: usize = 60;

/// The process of a ring file, as `worker (pid 4712)`; `None` if the file cannot be read.
pub fn process_of(path: &Path) -> Option<String> {
    let input = input::ring::Input::open(path).ok()?;
    let table = survey::table::SegmentTable::read(&input, &mut Problems::default());
    let pid = input.header.identity.pid;
    let command = || input.header.arguments.join(" ").chars().take(COMMAND_MAX).collect();
    let name = plan::names::FileNames::read(&input, &table.names(), drop).process.unwrap_or_else(command);
    Some(text::display::printable(&format!("{name} (pid {pid})")))
}

#[cfg(test)]
mod tests;
