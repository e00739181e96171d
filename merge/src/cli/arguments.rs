//! The command line's options, and the request that they make.

use super::calls::arguments::CallsArguments;
use super::compare::arguments::CompareArguments;
use super::exit::EXIT_STATUS;
use crate::align::AlignOptions;
use crate::error::MergeError;
use crate::events::selection;
use crate::report::functions::Sort;
use crate::report::prefixes::Prefixes;
use crate::report::write::Format;
use crate::report::write::tasks::Tasks;
use crate::report::write::top::{Style, Top};
use crate::request::Request;
use crate::storage::output;
use crate::text::display::STDOUT;
use crate::text::whole;
use clap::{ArgGroup, Parser, Subcommand, ValueEnum};
use std::io::IsTerminal;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

/// The report that is written if the user names none.
const OUTPUT_USUAL: &str = "result.json";
const INSTEAD: &str = "Instead of a report";
/// Options that need a report.
const REPORT: [&str; 4] = ["output", "format", "strict", "last_words"];

/// Merge ring files and traces into one report.
///
/// Inputs can be mixed: ring files of processes that ended, crashed or still run, and traces in JSON (reports of this
/// tool or of VizTracer, also compressed with gzip). No input is changed. The report has one of these formats: a Chrome
/// trace in JSON, which vizviewer and https://ui.perfetto.dev open; a Perfetto trace; a page for any browser; a profile
/// for https://www.speedscope.app; a table of functions; a table of all calls in Parquet, for DuckDB, Polars and others;
/// collapsed stacks for flame graphs.
#[derive(Debug, Default, Parser)]
#[command(name = "viztracer-merge", version, after_help = EXIT_STATUS, max_term_width = 100)]
#[command(group(ArgGroup::new("printed").args(["top", "last_words", "info"]).multiple(true)))]
#[command(
    override_usage = "viztracer-merge [OPTIONS] <INPUT>...\n       viztracer-merge calls [OPTIONS] <INPUT>...\n       \
                      viztracer-merge compare [OPTIONS] <BASE> <HEAD>"
)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true, disable_help_subcommand = true)]
pub struct Arguments {
    /// A command instead of inputs.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// Ring files (.bin), traces in JSON (.json, .json.gz), directories (searched recursively for ring files; if there
    /// are none, for traces in JSON), and quoted patterns ('runs/**/*.bin'). Use - to read a list of inputs from
    /// standard input, each ended by a line feed or by NUL
    #[arg(required_unless_present = "generate", value_name = "INPUT")]
    pub inputs: Vec<PathBuf>,

    /// Write the report to this file. The file name extension selects the format: .json, .pftrace or .speedscope.json,
    /// each also with .gz; .html, .csv, .parquet or .folded. A name such as calls.parquet/ is that of a new directory,
    /// which gets a file for each process. Use - for standard output. Can be given more than once [default: result.json]
    #[arg(short, long, value_name = "OUT", help_heading = "Report")]
    pub output: Vec<PathBuf>,

    /// The format of outputs whose names do not select one, such as standard output
    #[arg(long, value_name = "FORMAT", help_heading = "Report")]
    pub format: Option<Format>,

    /// Leave the text of source files out of the report
    #[arg(long = "no_source", alias = "no-source", help_heading = "Report")]
    pub no_source: bool,

    /// Look in this directory for source files that no ring file of yours identifies: those of traces in JSON, of
    /// another machine or of a container. The file for /app/a.py is DIR/app/a.py, or DIR/a.py with --strip_prefix /app
    #[arg(
        long = "source_root",
        alias = "source-root",
        value_name = "DIR",
        conflicts_with = "no_source",
        help_heading = "Report"
    )]
    pub source_root: Option<PathBuf>,

    /// Remove this directory from the beginning of source paths, also in the names of functions. Can be given more than
    /// once
    #[arg(long = "strip_prefix", alias = "strip-prefix", value_name = "PATH", help_heading = "Report")]
    pub strip_prefix: Vec<PathBuf>,

    /// In JSON, show overwritten and lost events as events of the category LOSS on the tracks of their threads, for
    /// https://ui.perfetto.dev and chrome://tracing. Scripts that count events count these, too. The other formats show
    /// losses in any case
    #[arg(long = "show_losses", alias = "show-losses", help_heading = "Report")]
    pub show_losses: bool,

    /// Exit with status 1 if the report is not complete, and list what is missing: events that were overwritten or
    /// lost, damaged parts, functions without a name, returns that matched no call, and calls that are unfinished
    /// because their process crashed or was killed. A worker that got SIGTERM or the like was ended by its program, as
    /// pools do
    #[arg(long, help_heading = "Report")]
    pub strict: bool,

    /// Print the last calls of each process that crashed, was killed or still runs: for every thread the open calls and
    /// the last 20 calls that ended. A report is written only if -o is given
    #[arg(long = "last_words", alias = "last-words", help_heading = INSTEAD)]
    pub last_words: bool,

    /// Print the N functions that took the most time, of all processes and of each one: calls, time with and without
    /// called functions, mean, median, 99th percentile. A report is written only if -o is given
    #[arg(
        long,
        value_name = "N",
        value_parser = whole::parse::<NonZeroUsize>,
        conflicts_with_all = ["last_words", "info", "dump"],
        help_heading = INSTEAD
    )]
    pub top: Option<NonZeroUsize>,

    /// With --top: sort the functions by this column, largest first
    #[arg(
        long,
        value_name = "BY",
        requires = "top",
        help_heading = INSTEAD
    )]
    pub sort: Option<Sort>,

    /// With --top: print the coroutines of asyncio and trio tasks (--log_async) instead: calls and resumes, latency from
    /// the first resume to the end (median, 99th percentile, longest), and how much of it was awaiting and running. They
    /// are sorted by both together, or with --sort self by running
    #[arg(long, requires = "top", help_heading = INSTEAD)]
    pub tasks: bool,

    /// With --top: leave out calls that wait, for a lock, a queue, data or a time, and their time in the calls around
    /// them. docs/waiting.md lists the functions that wait. Mean, median and 99th percentile are of whole calls
    #[arg(long, requires = "top", conflicts_with = "tasks", help_heading = INSTEAD)]
    pub busy: bool,

    /// With --top: print Markdown, for the summary of a CI run
    #[arg(long, requires = "top", help_heading = INSTEAD)]
    pub markdown: bool,

    /// Print one row per file: process, start, duration, events, losses
    #[arg(long, conflicts_with_all = REPORT, help_heading = INSTEAD)]
    pub info: bool,

    /// With --top, --last_words or --info: print JSON, for use in programs
    #[arg(long, requires = "printed", conflicts_with = "markdown", help_heading = INSTEAD)]
    pub json: bool,

    /// Print every record of ring files as a line, with the header, anchors, names and stacks that format/FORMAT.md
    /// describes
    #[arg(long, conflicts_with = "info", conflicts_with_all = REPORT, help_heading = INSTEAD)]
    pub dump: bool,

    /// Print errors and warnings only: no progress, no summary, no list of what killed runs have left
    #[arg(short, long)]
    pub quiet: bool,

    /// Use N worker threads: up to 64, or one per processor if there are more [default: one per processor, up to 16]
    #[arg(long, value_name = "N", value_parser = whole::parse::<NonZeroUsize>)]
    pub threads: Option<NonZeroUsize>,

    /// Print the manual page, or the completion script for a shell
    #[arg(long, value_name = "WHAT")]
    pub generate: Option<Generated>,

    #[command(flatten)]
    pub alignment: AlignOptions,

    #[command(flatten)]
    pub selection: selection::Options,
}

/// A command. Only the first argument can name it: behind an option, or as `./compare`, the name is that of an input.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print the slowest calls: when each began, how long it took, where, and with which arguments
    ///
    /// Each call is shown by itself: its duration, its own time without called functions, its begin, process, thread and
    /// task, how it ended, and its arguments if they are recorded (--log_func_args).
    Calls(CallsArguments),

    /// Compare runs: functions by change of calls, self and total time
    ///
    /// Functions match by module and qualified name, so moved lines do not matter. A new function has grown from 0,
    /// which is more than any percentage. Options that select a part apply to each run, and times count from its begin.
    Compare(CompareArguments),
}

/// A text for another program, made from the options.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Generated {
    /// The manual page
    Man,
    /// Completion for bash
    Bash,
    /// Completion for zsh
    Zsh,
    /// Completion for fish
    Fish,
}

/// A report to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub path: PathBuf,
    pub format: Format,
}

impl Arguments {
    /// Makes the request for these inputs.
    pub fn request(&self, inputs: Vec<PathBuf>) -> Request {
        let output = self.output.first().cloned().unwrap_or_else(|| OUTPUT_USUAL.into());
        Request {
            threads: self.threads.map(NonZeroUsize::get),
            source: !self.no_source,
            show_losses: self.show_losses,
            source_root: self.source_root.clone(),
            prefixes: Prefixes::new(&self.strip_prefix),
            align: self.alignment.align,
            barrier: self.alignment.barrier.clone(),
            offsets: self.alignment.offset.clone(),
            selection: self.selection.clone().into(),
            ..Request::new(inputs, output)
        }
    }

    /// The reports to write. An error is found here, before anything is read.
    pub fn targets(&self) -> Result<Vec<Target>, MergeError> {
        let mut targets: Vec<Target> = Vec::new();
        for path in &self.output {
            let target = Target { path: path.clone(), format: Format::of(path, self.format)? };
            if targets.iter().any(|other| other.path == target.path) && !output::is_special(Path::new(&target.path)) {
                return Err(MergeError::Twice(target.path));
            }
            if target.is_terminal() && !target.format.is_text() {
                return Err(MergeError::Terminal);
            }
            targets.push(target);
        }
        Ok(targets)
    }

    /// Whether a table or text is printed to standard output.
    pub fn prints(&self) -> bool {
        self.last_words || self.info || self.dump || self.top.is_some()
    }

    /// The table of functions to print.
    pub fn top(&self) -> Option<Top> {
        let style = Style::of(self.markdown, self.json);
        let sort = self.sort.unwrap_or_default();
        self.top.filter(|_| !self.tasks).map(|rows| Top { rows: rows.get(), sort, is_busy: self.busy, style })
    }

    /// The table of coroutines to print.
    pub fn tasks(&self) -> Option<Tasks> {
        let style = Style::of(self.markdown, self.json);
        self.top.filter(|_| self.tasks).map(|rows| Tasks { rows: rows.get(), sort: self.sort, style })
    }

    /// The report that is written if the user names none.
    pub fn usual_target(&self) -> Target {
        Target { path: OUTPUT_USUAL.into(), format: Format::Json }
    }
}

impl Target {
    /// Whether this is standard output.
    pub fn is_stdout(&self) -> bool {
        self.path == Path::new(STDOUT)
    }

    fn is_terminal(&self) -> bool {
        self.is_stdout() && std::io::stdout().is_terminal()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::write::output_kinds;
    use clap::CommandFactory;

    #[test]
    fn the_help_names_every_kind_of_report() {
        let command = Arguments::command();
        let output = command.get_arguments().find(|argument| argument.get_id() == "output").unwrap();
        let help = output.get_long_help().or(output.get_help()).unwrap().to_string();
        for kind in output_kinds() {
            assert!(help.contains(kind.trim_end_matches(".gz")), "{kind}: {help}");
        }
    }
}
