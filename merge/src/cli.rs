//! The command `viztracer-merge`: its arguments, its words on stderr, its exit status. The program and the Python
//! package both end up here.

use crate::error::{BadInput, MergeError};
use crate::leftovers::{self, Leftovers};
use crate::progress::{Bar, Step, Watch};
use crate::selection;
use crate::summary::{FileSummary, Summary};
use crate::trace::Trace;
use crate::write::Format;
use crate::{Request, merge};
use clap::Parser;
use clap::error::ErrorKind;
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

/// The report, if no other is asked for.
const OUTPUT_USUAL: &str = "result.json";

const EXIT_STATUS: &str = "\
Exit status:
  0    the report is written and every input was read
  1    the report is written, but some input could not be read, or not all of it;
       each is named on stderr with offset and reason
  2    no report: wrong usage, no readable input, or the output cannot be written
  130  no report: interrupted
With --last_words the same holds for the last words, and for the report only if -o asks for it.

Examples:
  viztracer-merge ./temp_dir/*.bin -o result.json
  viztracer-merge ./temp_dir -o result.json.gz
  viztracer-merge --last_words ./temp_dir | less

After a crash:
  What the processes left is in the directory that was given by --output_dir, or else in one
  like /dev/shm/viztracer_<pid>_<random>. viztracer-merge, also without any input, names those
  that no process writes any more, in /dev/shm, here and beside the report.";

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

    /// The report; its name must end with .json or .json.gz [default: result.json]
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,

    /// Print what each process was doing that was killed or still runs: of every thread the open calls and the last 20
    /// that ended. No report is written unless -o is given
    #[arg(long = "last_words", alias = "last-words")]
    last_words: bool,

    /// Show no progress, no summary and no leftovers of crashes; errors are always shown
    #[arg(short, long)]
    quiet: bool,

    /// Worker threads [default: one per processor, at most 16]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// Leave the text of the program's source files out of the report
    #[arg(long)]
    no_source: bool,

    #[command(flatten)]
    selection: selection::Options,
}

/// Runs the command with these arguments, the first of which is the program's name, and gives its exit status.
/// `interrupted` is asked on the calling thread, several times a second.
pub fn command(arguments: impl IntoIterator<Item = OsString>, interrupted: &(dyn Fn() -> bool + Sync)) -> u8 {
    let words: Vec<OsString> = arguments.into_iter().collect();
    let arguments = match Arguments::try_parse_from(&words) {
        Ok(arguments) => arguments,
        Err(error) => return show_usage(&error, &words),
    };
    let request = Request {
        inputs: arguments.inputs.clone(),
        output: arguments.output.clone().unwrap_or_else(|| OUTPUT_USUAL.into()),
        threads: arguments.threads.map(NonZeroUsize::get),
        source: !arguments.no_source,
        selection: arguments.selection.clone().into(),
    };
    let status = match arguments.last_words {
        true => last_words(&arguments, &request, interrupted),
        false => report(&arguments, &request, interrupted),
    };
    let status = status.unwrap_or_else(|error| show_error(&error));
    if !arguments.quiet {
        show_leftovers(&leftovers::find(Some(&request.output), &request.inputs));
    }
    status
}

fn report(arguments: &Arguments, request: &Request, interrupted: &dyn Fn() -> bool) -> Result<u8, MergeError> {
    let watcher = Watcher { bar: Bar::new(arguments.quiet), interrupted };
    let merged = merge(request, &watcher);
    watcher.bar.clear();
    Ok(show_summary(&merged?, arguments.quiet))
}

/// The last words on stdout, then the report if it is asked for.
fn last_words(arguments: &Arguments, request: &Request, interrupted: &dyn Fn() -> bool) -> Result<u8, MergeError> {
    let format = arguments.output.as_deref().map(Format::of).transpose()?;
    let watcher = Watcher { bar: Bar::new(arguments.quiet), interrupted };
    let trace = Trace::read(request, &watcher);
    watcher.bar.clear();
    let trace = trace?;
    let told = trace.last_words(&watcher, &mut std::io::stdout().lock())?;
    let Some(format) = format else { return Ok(show_summary(&told, true)) };
    let watcher = Watcher { bar: Bar::new(arguments.quiet), interrupted };
    let merged = trace.report(&watcher, format);
    watcher.bar.clear();
    Ok(show_summary(&merged?, arguments.quiet))
}

struct Watcher<'a> {
    bar: Bar,
    interrupted: &'a dyn Fn() -> bool,
}

impl Watch for Watcher<'_> {
    fn progress(&self, step: Step, done: u64, total: u64) {
        self.bar.show(step, done, total);
    }

    fn stopped(&self) -> bool {
        (self.interrupted)()
    }
}

/// Help and version go to stdout and are no error. Who names no input may look for what a crash has left.
fn show_usage(error: &clap::Error, words: &[OsString]) -> u8 {
    // What cannot be shown, because the reader has gone, is no reason to fail or to panic.
    drop(error.print());
    let quiet = words.iter().any(|word| word == "-q" || word == "--quiet");
    if error.kind() == ErrorKind::MissingRequiredArgument && !quiet {
        show_leftovers(&leftovers::find(None, &[]));
    }
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

fn show_leftovers(leftovers: &Leftovers) {
    leftovers.lines().iter().for_each(complain);
}

fn show_bad(bad: &[BadInput]) {
    for bad in bad {
        complain(bad);
    }
}

fn complain(what: impl Display) {
    drop(writeln!(std::io::stderr(), "viztracer-merge: {what}"));
}
