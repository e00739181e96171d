//! The options of the command that select a part of the trace.

use super::as_of::AsOf;
use super::asked::{Bound, Selection};
use crate::text::{when, whole};
use regex::Regex;
use std::time::Duration;

/// Which part of the trace goes into the report.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "What to show")]
pub struct Options {
    /// Only from this time on: a time since the begin of the trace (5s, 300ms), or a date in UTC (2026-11-22T11:23:20)
    #[arg(long, value_name = "TIME")]
    since: Option<Bound>,

    /// Only before this time, given in the same way
    #[arg(long, value_name = "TIME")]
    until: Option<Bound>,

    /// Only the last part of the trace, of this length (5s, 300ms, ...). With --until: the part that ends at that time
    #[arg(long, value_name = "TIME", value_parser = when::parse_duration)]
    last: Option<Duration>,

    /// Show processes that still run as of one instant: `now`, or a time of the monotonic clock in ns. What they record
    /// later is left out, and calls that were open then are unfinished. The report has all that the rings hold, also
    /// more than --tracer_entries; --last counts back from the instant
    #[arg(long = "as_of", alias = "as-of", value_name = "TIME", conflicts_with = "until")]
    as_of: Option<AsOf>,

    /// Only the process with this id. Can be given more than once
    #[arg(long = "pid", value_name = "PID", value_parser = whole::parse::<u32>)]
    pids: Vec<u32>,

    /// Only processes with this name. Can be given more than once
    #[arg(long = "process_name", alias = "process-name", value_name = "NAME")]
    process_names: Vec<String>,

    /// Only the thread with this id of the operating system. Can be given more than once
    #[arg(long = "tid", value_name = "TID", value_parser = whole::parse::<u64>)]
    tids: Vec<u64>,

    /// Only calls of functions whose names match, and all calls inside these calls
    #[arg(long = "func", value_name = "REGEX")]
    functions: Option<Regex>,

    /// Only calls that took at least this long: 100us, 2ms, ...
    #[arg(long = "min_duration", alias = "min-duration", value_name = "TIME", value_parser = when::parse_duration)]
    min_duration: Option<Duration>,

    /// Only calls that are nested in fewer than N other calls
    #[arg(long = "max_depth", alias = "max-depth", value_name = "N", value_parser = whole::parse::<u32>)]
    max_depth: Option<u32>,

    /// Leave out calls of C functions
    #[arg(long = "drop_c_functions", alias = "drop-c-functions")]
    drop_c_functions: bool,
}

impl From<Options> for Selection {
    fn from(arguments: Options) -> Selection {
        let Options { since, until, last, as_of, pids, process_names, tids, .. } = arguments;
        let Options { functions, min_duration, max_depth, drop_c_functions, .. } = arguments;
        Selection {
            since,
            until,
            last,
            as_of,
            pids,
            process_names,
            tids,
            functions,
            min_duration,
            max_depth,
            drop_c_functions,
        }
    }
}
