//! What can be said on the command line, and what it means.

use super::exit::EXIT_STATUS;
use crate::align::{Align, Offset};
use crate::error::MergeError;
use crate::events::selection;
use crate::report::functions::Sort;
use crate::report::prefixes::Prefixes;
use crate::report::write::{Format, top::Top};
use crate::request::Request;
use crate::storage::output;
use crate::text::display::STDOUT;
use clap::{Parser, ValueEnum};
use std::io::IsTerminal;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

/// The report, if no other is asked for.
const OUTPUT_USUAL: &str = "result.json";
const INSTEAD: &str = "Instead of a report";
/// What makes no sense where there is no report.
const REPORT: [&str; 4] = ["output", "format", "strict", "last_words"];

/// Merge the ring files of any number of processes, and reports, into one report.
///
/// Files of finished, crashed and still running processes and traces in JSON (VizTracer's reports, also compressed by
/// gzip) can be mixed; nothing is ever written to them. The report is a Chrome trace in JSON, which vizviewer and
/// https://ui.perfetto.dev open, a trace of Perfetto's own kind, a page that shows itself in any browser, a profile for
/// https://www.speedscope.app, a table of the functions that took the time, or collapsed stacks.
#[derive(Debug, Parser)]
#[command(name = "viztracer-merge", version, after_help = EXIT_STATUS, max_term_width = 100)]
#[command(override_usage = "viztracer-merge [OPTIONS] <INPUT>...")]
pub struct Arguments {
    /// Ring files (.bin), traces in JSON (.json, .json.gz), directories in which all ring files are meant, also those in
    /// directories below (the traces in JSON if there are none), and quoted patterns ('runs/**/*.bin'); - reads a list of them from standard input, one a line or each with a NUL behind it
    #[arg(required_unless_present = "generate", value_name = "INPUT")]
    pub inputs: Vec<PathBuf>,

    /// The report; its name tells its kind: .json, .pftrace, .speedscope.json, each also with .gz, .html, .csv or .folded;
    /// - is standard output. Can be given more than once [default: result.json]
    #[arg(short, long, value_name = "OUT", help_heading = "Report")]
    pub output: Vec<PathBuf>,

    /// What to write where the output's name does not tell it
    #[arg(long, value_name = "FORMAT", help_heading = "Report")]
    pub format: Option<Format>,

    /// Leave the text of the program's source files out
    #[arg(long = "no_source", alias = "no-source", help_heading = "Report")]
    pub no_source: bool,

    /// Look for the text of source files in this directory, where no ring file of yours vouches for them: those of
    /// traces in JSON, of another machine, of a container. With --strip_prefix /app, /app/a.py is DIR/a.py; without,
    /// DIR/app/a.py
    #[arg(
        long = "source_root",
        alias = "source-root",
        value_name = "DIR",
        conflicts_with = "no_source",
        help_heading = "Report"
    )]
    pub source_root: Option<PathBuf>,

    /// Leave this directory out of the paths of source files, in names of functions too. Can be given more than once
    #[arg(long = "strip_prefix", alias = "strip-prefix", value_name = "PATH", help_heading = "Report")]
    pub strip_prefix: Vec<PathBuf>,

    /// Where runs are placed beside each other: by their clocks, or as if all had begun together; a run that was marked
    /// by set_sync_marker() begins at its mark
    #[arg(long, value_name = "HOW", default_value = "clock", help_heading = "Report")]
    pub align: Align,

    /// Move a file, or all files in a directory, on the time line by ±ns, or with a unit (run_2=-3ms). Can be given more
    /// than once
    #[arg(long, value_name = "FILE=TIME", help_heading = "Report")]
    pub offset: Vec<Offset>,

    /// Exit with 1 if anything that happened is missing in the report, and say what: calls overwritten, lost,
    /// damaged, unnamed, unmatched, or unfinished because of a crash
    #[arg(long, help_heading = "Report")]
    pub strict: bool,

    /// Print what each process was doing that was killed or still runs: of every thread the open calls and the last 20
    /// that ended. No report is written unless -o is given
    #[arg(long = "last_words", alias = "last-words", help_heading = INSTEAD)]
    pub last_words: bool,

    /// Print the N functions that took most time, over all processes and of each: calls, time with and without what they
    /// called, mean, median, 99th percentile. No report is written unless -o is given
    #[arg(long, value_name = "N", conflicts_with_all = ["last_words", "info", "dump"], help_heading = INSTEAD)]
    pub top: Option<NonZeroUsize>,

    /// With --top: which functions come first
    #[arg(long, value_name = "BY", requires = "top", default_value = "self", hide_default_value = true, help_heading = INSTEAD)]
    pub sort: Sort,

    /// With --top: print Markdown, for the summary of a CI run
    #[arg(long, requires = "top", help_heading = INSTEAD)]
    pub markdown: bool,

    /// Print a table of the files: whose they are, when and how long, how much is in them and what is lost
    #[arg(long, conflicts_with_all = REPORT, help_heading = INSTEAD)]
    pub info: bool,

    /// With --info: print it as JSON, for programs
    #[arg(long, requires = "info", conflicts_with_all = REPORT, help_heading = INSTEAD)]
    pub json: bool,

    /// Print every record of one file as a line, beside its header, anchors, names and stacks; format/FORMAT.md says
    /// what they mean
    #[arg(long, conflicts_with = "info", conflicts_with_all = REPORT, help_heading = INSTEAD)]
    pub dump: bool,

    /// Show no progress, no summary and no leftovers of crashes; errors are always shown
    #[arg(short, long)]
    pub quiet: bool,

    /// Worker threads, at most 64 or one per processor [default: one per processor, at most 16]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,

    /// Print the manual page, or a script by which a shell completes the options
    #[arg(long, value_name = "WHAT")]
    pub generate: Option<Generated>,

    #[command(flatten)]
    pub selection: selection::Options,
}

/// What is made of the options for other programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Generated {
    /// The manual page.
    Man,
    /// Completion in bash.
    Bash,
    /// Completion in zsh.
    Zsh,
    /// Completion in fish.
    Fish,
}

/// A report to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub path: PathBuf,
    pub format: Format,
}

impl Arguments {
    /// The request for these inputs.
    pub fn request(&self, inputs: Vec<PathBuf>) -> Request {
        let output = self.output.first().cloned().unwrap_or_else(|| OUTPUT_USUAL.into());
        Request {
            threads: self.threads.map(NonZeroUsize::get),
            source: !self.no_source,
            source_root: self.source_root.clone(),
            prefixes: Prefixes::new(&self.strip_prefix),
            align: self.align,
            offsets: self.offset.clone(),
            selection: self.selection.clone().into(),
            ..Request::new(inputs, output)
        }
    }

    /// The reports that are asked for, checked before anything is done.
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

    /// Whether something is printed to standard output.
    pub fn prints(&self) -> bool {
        self.last_words || self.info || self.dump || self.top.is_some()
    }

    /// The table that is to be printed.
    pub fn top(&self) -> Option<Top> {
        self.top.map(|rows| Top { rows: rows.get(), sort: self.sort, markdown: self.markdown })
    }

    /// The report that is written when none is named.
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
