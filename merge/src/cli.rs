//! The command `viztracer-merge`: its arguments, its words on stderr, its exit status. The program and the Python
//! package both end up here.

use crate::error::{BadInput, MergeError};
use crate::progress::{Bar, Step, Watch};
use crate::summary::{FileSummary, Summary};
use crate::{Request, merge};
use clap::Parser;
use std::ffi::OsString;
use std::fmt::Display;
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// The report is there and every input was read.
pub const OK: u8 = 0;
/// The report is there, but of some input not all could be read.
pub const INCOMPLETE: u8 = 1;
/// There is no report.
pub const FAILED: u8 = 2;
/// There is no report, because of Ctrl+C.
pub const INTERRUPTED: u8 = 130;

const EXIT_STATUS: &str = "\
Exit status:
  0    the report is written and every input was read
  1    the report is written, but some input could not be read, or not all of it;
       each is named on stderr with offset and reason
  2    no report: wrong usage, no readable input, or the output cannot be written
  130  no report: interrupted

Examples:
  viztracer-merge ./temp_dir/*.bin -o result.json
  viztracer-merge ./temp_dir -o result.json.gz";

/// Merge the ring files of any number of processes into one report.
///
/// Files of finished, crashed and still running processes can be mixed; nothing is ever written to them. The report is
/// a Chrome trace in JSON, which vizviewer and https://ui.perfetto.dev open.
#[derive(Debug, Parser)]
#[command(name = "viztracer-merge", version, after_help = EXIT_STATUS)]
struct Arguments {
    /// Ring files (.bin), and directories in which all .bin files are meant, also those in directories below
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<PathBuf>,

    /// The report; its name must end with .json or .json.gz
    #[arg(short, long, value_name = "OUT", default_value = "result.json")]
    output: PathBuf,

    /// Show no progress and no summary; errors are always shown
    #[arg(short, long)]
    quiet: bool,

    /// Worker threads [default: one per processor, at most 16]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// Leave the text of the program's source files out of the report
    #[arg(long)]
    no_source: bool,
}

/// Runs the command with these arguments, the first of which is the program's name, and gives its exit status.
/// `interrupted` is asked on the calling thread, several times a second.
pub fn command(arguments: impl IntoIterator<Item = OsString>, interrupted: &(dyn Fn() -> bool + Sync)) -> u8 {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => return show_usage(&error),
    };
    let request = Request {
        inputs: arguments.inputs,
        output: arguments.output,
        threads: arguments.threads.map(NonZeroUsize::get),
        source: !arguments.no_source,
    };
    let watcher = Watcher { bar: Bar::new(arguments.quiet), interrupted };
    let merged = merge(&request, &watcher);
    watcher.bar.clear();
    match merged {
        Ok(summary) => show_summary(&summary, arguments.quiet),
        Err(error) => show_error(&error),
    }
}

struct Watcher<'a> {
    bar: Bar,
    interrupted: &'a (dyn Fn() -> bool + Sync),
}

impl Watch for Watcher<'_> {
    fn progress(&self, step: Step, done: u64, total: u64) {
        self.bar.show(step, done, total);
    }

    fn stopped(&self) -> bool {
        (self.interrupted)()
    }
}

/// Help and version go to stdout and are no error.
fn show_usage(error: &clap::Error) -> u8 {
    // What cannot be shown, because the reader has gone, is no reason to fail or to panic.
    drop(error.print());
    if error.use_stderr() { FAILED } else { OK }
}

fn show_summary(summary: &Summary, quiet: bool) -> u8 {
    show_bad(&summary.bad);
    for file in &summary.files {
        show_problems(file);
    }
    for warning in &summary.warnings {
        complain(format_args!("warning: {warning}"));
    }
    if !quiet {
        drop(write!(std::io::stderr(), "{summary}"));
    }
    if summary.is_complete() { OK } else { INCOMPLETE }
}

fn show_problems(file: &FileSummary) {
    let path = file.path.display();
    for problem in &file.problems.first {
        complain(format_args!("{path}: {problem}"));
    }
    let more = file.problems.count.saturating_sub(file.problems.first.len() as u64);
    if more > 0 {
        complain(format_args!("{path}: {more} more places that could not be read"));
    }
    if let Some(code) = i32::try_from(file.failure).ok().filter(|code| *code > 0) {
        let error = BadInput::new(&file.path, std::io::Error::from_raw_os_error(code));
        complain(format_args!("warning: {path}: recording stopped early: {}", error.problem));
    }
}

fn show_error(error: &MergeError) -> u8 {
    if let MergeError::NothingReadable(bad) = error {
        show_bad(bad);
    }
    complain(error);
    if matches!(error, MergeError::Interrupted) { INTERRUPTED } else { FAILED }
}

fn show_bad(bad: &[BadInput]) {
    for bad in bad {
        complain(bad);
    }
}

fn complain(what: impl Display) {
    drop(writeln!(std::io::stderr(), "viztracer-merge: {what}"));
}
