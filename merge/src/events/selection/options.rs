//! The options of the command that say what of a trace is asked for.

use super::asked::{Bound, Selection};
use crate::text::when;
use regex::Regex;
use std::time::Duration;

/// What of the trace goes into the report.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "What to show")]
pub struct Options {
    /// Only what happened from this moment on: so long after the begin (5s, 300ms), or in UTC (2026-11-22T11:23:20)
    #[arg(long, value_name = "TIME")]
    since: Option<Bound>,

    /// Only what happened before this moment
    #[arg(long, value_name = "TIME")]
    until: Option<Bound>,

    /// Only the last 5s, 300ms, ... of the trace; with --until, the last before that moment
    #[arg(long, value_name = "TIME", value_parser = when::parse_duration)]
    last: Option<Duration>,

    /// Only the process with this id; can be given more than once, like the next two
    #[arg(long = "pid", value_name = "PID")]
    pids: Vec<u32>,

    /// Only processes of this name
    #[arg(long = "process_name", alias = "process-name", value_name = "NAME")]
    process_names: Vec<String>,

    /// Only the thread with this id of the operating system
    #[arg(long = "tid", value_name = "TID")]
    tids: Vec<u64>,

    /// Only calls of functions whose names match, and what these call
    #[arg(long = "func", value_name = "REGEX")]
    functions: Option<Regex>,

    /// Only calls that took at least as long: 100us, 2ms, ...
    #[arg(long = "min_duration", alias = "min-duration", value_name = "TIME", value_parser = when::parse_duration)]
    min_duration: Option<Duration>,

    /// Only calls with fewer calls around them
    #[arg(long = "max_depth", alias = "max-depth", value_name = "N")]
    max_depth: Option<u32>,

    /// No calls of C functions
    #[arg(long = "drop_c_functions", alias = "drop-c-functions")]
    drop_c_functions: bool,
}

impl From<Options> for Selection {
    fn from(arguments: Options) -> Selection {
        let Options { since, until, last, pids, process_names, tids, .. } = arguments;
        let Options { functions, min_duration, max_depth, drop_c_functions, .. } = arguments;
        Selection {
            since,
            until,
            last,
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
