//! The options of `viztracer-merge compare`.

use crate::cli::reading::ReadOptions;
use crate::compare::Both;
use crate::compare::metric::Metric;
use crate::compare::rule::Rule;
use crate::events::selection;
use crate::report::write::Format;
use crate::request::Request;
use crate::text::whole;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// How many functions a table shows if the user does not say it.
const ROWS_USUAL: usize = 20;

/// The text below the options.
const AFTER: &str = "\
A run is all processes that were traced together, as their files say (the
column `session` of --info), or a JSON trace without a session.

Calls do not depend on how busy a machine is, unless the program polls. Times
do: they have a verdict only if they exceed the limit and a rank test of the
runs gives p < 0.05, for which 4 runs on each side are enough. With one run on
a side, a rule about times warns and cannot fail.

Exit status:
  0    the comparison is printed, and no rule of --fail_on is broken
  1    the same, but some input could not be read completely. With --strict
       also: calls are missing, no call is selected, a process was killed
       or still runs, or a rule has no verdict
  2    nothing is compared, or the page of -o is not written: wrong usage, no
       readable input, or the output cannot be written
  3    a rule of --fail_on is broken
  130  the command was interrupted: the page of -o is not written, and the
       comparison may not be printed

Examples:
  viztracer-merge compare base/ head/
  viztracer-merge compare 'base_*/' 'head_*/' --markdown
  viztracer-merge compare base/ head/ --fail_on 'calls>+5%' -o difference.html
  viztracer-merge compare base/ head/ --fail_on 'self>+20% of func ^parse'
  viztracer-merge compare base/ head/ --fail_on 'total>+50ms of program'

The first argument `compare` is this command. To merge a file or directory of
that name, write ./compare.";

/// The options. What the help says above them stands at the command.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = AFTER, max_term_width = 100)]
#[command(override_usage = "viztracer-merge compare [OPTIONS] <BASE> <HEAD>")]
pub struct CompareArguments {
    /// One or several runs: a ring file, a trace in JSON, a directory, or a quoted pattern ('base_*/')
    #[arg(value_name = "BASE", required_unless_present = "more_base")]
    base: Option<PathBuf>,

    /// The runs that are compared with them, given in the same way
    #[arg(value_name = "HEAD", required_unless_present = "more_head")]
    head: Option<PathBuf>,

    /// More of BASE. Can be given more than once
    #[arg(long = "base", value_name = "INPUT", id = "more_base")]
    more_base: Vec<PathBuf>,

    /// More of HEAD. Can be given more than once
    #[arg(long = "head", value_name = "INPUT", id = "more_head")]
    more_head: Vec<PathBuf>,

    /// Exit with status 3 if a function, or the whole program, changes more than this: 'calls>+5%', 'calls>+100',
    /// 'self>+20%', 'total>+50ms', or 'calls<-5%' for less. With 'calls>+5% of func REGEX': only functions whose names
    /// match; with 'of program': only the whole program. Can be given more than once
    #[arg(long = "fail_on", alias = "fail-on", value_name = "RULE")]
    pub fail_on: Vec<Rule>,

    /// Show the N functions that changed most [default: 20, and all with --json]
    #[arg(long, value_name = "N", value_parser = whole::parse::<NonZeroUsize>)]
    top: Option<NonZeroUsize>,

    /// Also write a page (.html) that shows the runs of both sides on one time line, and a flame graph of the difference
    #[arg(short, long, value_name = "OUT", value_parser = page, conflicts_with = "as_of")]
    pub output: Option<PathBuf>,

    /// Leave the text of source files out of the page
    #[arg(long = "no_source", alias = "no-source", requires = "output")]
    no_source: bool,

    /// Sort the functions by the change of this number, largest first; then by calls, then by self time
    #[arg(long, value_name = "BY", default_value = "calls")]
    pub sort: Metric,

    /// Print Markdown, for the summary of a CI run
    #[arg(long)]
    pub markdown: bool,

    /// Print JSON, for use in programs
    #[arg(long, conflicts_with = "markdown")]
    pub json: bool,

    /// Exit with status 1 if calls are missing in a run, no call is selected, a process was killed or still runs, or a
    /// rule has no verdict
    #[arg(long)]
    pub strict: bool,

    #[command(flatten)]
    pub reading: ReadOptions,

    #[command(flatten)]
    selection: selection::Options,
}

/// The name of a page.
fn page(name: &str) -> Result<PathBuf, String> {
    let is_page = Format::of(name.as_ref(), None).is_ok_and(|format| format == Format::Html);
    if is_page { Ok(name.into()) } else { Err("give it a name that ends with .html".to_owned()) }
}

impl CompareArguments {
    /// What to read of each side.
    pub fn requests(&self) -> Both<Request> {
        let request = |first: &Option<PathBuf>, more: &[PathBuf]| Request {
            source: !self.no_source,
            selection: self.selection.clone().into(),
            ..self.reading.request(first.iter().chain(more).cloned().collect())
        };
        Both { base: request(&self.base, &self.more_base), head: request(&self.head, &self.more_head) }
    }

    /// How many functions to show.
    pub fn rows(&self) -> usize {
        let usual = if self.json { usize::MAX } else { ROWS_USUAL };
        self.top.map_or(usual, NonZeroUsize::get)
    }
}
