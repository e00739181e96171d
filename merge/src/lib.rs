//! Ring files of any number of processes, and traces in JSON, into reports.
//!
//! The data's way, one module after the other:
//!
//! ```text
//! inputs --discover--> ring files --input, table, names, frames, cut--> survey: a plan of each file
//!                      documents --chrome--> entries in a temporary file, and a plan of each process
//!        --number, align--> one time line
//!        --content, decode--> moments --timeline--> steps, if calls must nest
//!        --write--> text, in parallel and in order (window) --output--> the report
//!                      or --last_words--> what was going on when each process died
//!                      or --functions--> which of them took the time: --top, .csv
//!                      or --info--> a line about each file, or --dump--> a line about each record of one
//! ```
//!
//! Plans are small: 24 bytes for a segment of up to 4,000 events. The events themselves are read when their turn comes
//! to be written, a few segments at a time, so memory does not grow with the trace. A file that is still being written
//! is copied first. Files are read with `pread` and believed in nothing: what cannot be read is named in the
//! [`Summary`] and the rest is merged.

mod account;
mod align;
mod chrome;
pub mod cli;
mod content;
mod cut;
mod decode;
mod discover;
mod display;
mod dump;
mod ending;
mod error;
mod frames;
mod functions;
mod info;
mod input;
mod last_words;
mod leftovers;
mod lock;
mod loss;
mod names;
mod number;
mod output;
mod pipe;
mod plan;
mod prefixes;
mod progress;
#[cfg(test)]
mod sample;
mod selection;
mod sources;
mod store;
mod summary;
mod survey;
mod table;
mod timeline;
mod trace;
mod waits;
mod when;
mod window;
mod write;

pub use align::{Align, Offset};
pub use cli::command;
pub use ending::Ending;
pub use error::{BadInput, MergeError, Problem, Problems};
pub use input::State;
pub use last_words::Innermost;
pub use prefixes::Prefixes;
pub use progress::{Bar, Step, Watch};
pub use selection::{Bound, Selection};
pub use sources::LeftOut;
pub use summary::{FileSummary, Summary, ThreadSummary};

#[doc(hidden)]
pub use write::gzip::of_level as gzip_of_level;

use std::path::{Path, PathBuf};

/// What to merge into what.
#[derive(Clone, Debug)]
pub struct Request {
    /// Ring files, directories that hold some, and patterns that match some.
    pub inputs: Vec<PathBuf>,
    /// The report; its name says of what kind it is.
    pub output: PathBuf,
    /// Worker threads; one for each processor, but not more than 16, if it does not say.
    pub threads: Option<usize>,
    /// Whether the text of the program's source files is added.
    pub source: bool,
    /// A directory in which source files are looked for that no ring file vouches for.
    pub source_root: Option<PathBuf>,
    /// What of the trace is asked for.
    pub selection: Selection,
    /// What is left out of the paths of source files.
    pub prefixes: Prefixes,
    /// How files are placed beside each other.
    pub align: Align,
    /// Files that are moved from there.
    pub offsets: Vec<Offset>,
}

impl Request {
    /// A request with the default options.
    pub fn new(inputs: Vec<PathBuf>, output: PathBuf) -> Request {
        let (prefixes, selection) = (Prefixes::default(), Selection::default());
        let (align, offsets) = (Align::Clock, Vec::new());
        let (threads, source, source_root) = (None, true, None);
        Request { inputs, output, threads, source, source_root, prefixes, align, offsets, selection }
    }
}

/// Writes the report that was asked for. On an error, and when `watch` says stop, there is nothing of it.
pub fn merge(request: &Request, watch: &dyn Watch) -> Result<Summary, MergeError> {
    let format = write::Format::of(&request.output, None)?;
    output::check_writable(&request.output)?;
    trace::Trace::read(request, watch)?.report(watch, &request.output, format)
}

/// Characters of the command line of a process that has no name yet.
const COMMAND_MAX: usize = 60;

/// Whose ring file this is, as `worker (pid 4712)`; `None` if it cannot be read.
pub fn process_of(path: &Path) -> Option<String> {
    let input = input::Input::open(path).ok()?;
    let table = table::Table::read(&input, &mut Problems::default());
    let pid = input.header.identity.pid;
    let command = || input.header.arguments.join(" ").chars().take(COMMAND_MAX).collect();
    let name = names::Names::read(&input, &table.names(), drop).process.unwrap_or_else(command);
    Some(display::printable(&format!("{name} (pid {pid})")))
}

#[cfg(test)]
mod tests;
