//! The options of `viztracer-merge calls`.

use crate::align::AlignOptions;
use crate::cli::reading::ReadOptions;
use crate::events::selection;
use crate::report::slowest::By;
use crate::report::write::slowest::Slowest;
use crate::report::write::top::Style;
use crate::request::Request;
use crate::text::whole;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// The text below the options.
const AFTER: &str = "\
Times count from the begin of the trace, as on the page. A call that never
ended is shown with the time until the last event known: it took at least that
long (>=), or an unknown time if it began with that event. Calls of equal
length come in the order in which they began.

Exit status:
  0    the calls are printed, and every input was read completely
  1    the same, but some input could not be read completely. With --strict
       also: calls are missing, or none of them are selected
  2    nothing is printed: wrong usage, or no readable input
  130  the command was interrupted

Examples:
  viztracer-merge calls --func '^handle_request' --slowest 20 ./temp_dir
  viztracer-merge calls --by self --last 5s ./temp_dir
  viztracer-merge calls --min_duration 100ms --json ./temp_dir | jq .calls

The first argument `calls` is this command. To merge a file or directory of
that name, write ./calls.";

/// The options. What the help says above them stands at the command.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = AFTER, max_term_width = 100)]
#[command(override_usage = "viztracer-merge calls [OPTIONS] <INPUT>...")]
#[command(mut_arg("functions", |argument| argument.help("Only calls of functions whose names match")))]
pub struct CallsArguments {
    /// Ring files, traces in JSON, directories and quoted patterns. Use - to read a list of them from standard input
    #[arg(required = true, value_name = "INPUT")]
    pub inputs: Vec<PathBuf>,

    /// Show the N slowest calls
    #[arg(long, value_name = "N", default_value = "20", value_parser = whole::parse::<NonZeroUsize>)]
    slowest: NonZeroUsize,

    /// The time that makes a call slow
    #[arg(long, value_name = "BY", default_value = "duration")]
    by: By,

    /// Print Markdown, for the summary of a CI run
    #[arg(long)]
    markdown: bool,

    /// Print JSON, for use in programs
    #[arg(long, conflicts_with = "markdown")]
    json: bool,

    /// Exit with status 1 if calls are missing, and list what is missing; or if no call is selected
    #[arg(long)]
    pub strict: bool,

    #[command(flatten)]
    pub reading: ReadOptions,

    #[command(flatten)]
    alignment: AlignOptions,

    #[command(flatten)]
    selection: selection::Options,
}

impl CallsArguments {
    /// What to read of these inputs.
    pub fn request(&self, inputs: Vec<PathBuf>) -> Request {
        Request {
            align: self.alignment.align,
            barrier: self.alignment.barrier.clone(),
            offsets: self.alignment.offset.clone(),
            selection: self.selection.clone().into(),
            ..self.reading.request(inputs)
        }
    }

    /// Which calls to print.
    pub fn slowest(&self) -> Slowest {
        Slowest { calls: self.slowest.get(), by: self.by, style: Style::of(self.markdown, self.json) }
    }
}
