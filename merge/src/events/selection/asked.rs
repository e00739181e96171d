//! The selection that the user makes.

use super::as_of::AsOf;
use crate::text::when;
use regex::Regex;
use std::time::Duration;

/// The selected part of a trace. The default leaves nothing out.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Only events from this time on.
    pub since: Option<Bound>,
    /// Only events before this time.
    pub until: Option<Bound>,
    /// Only events of this time before `as_of`, else before `until`, or before the trace's end if that is earlier.
    pub last: Option<Duration>,
    /// Only what had happened by then. Calls that ended later are shown as unfinished.
    pub as_of: Option<AsOf>,
    /// Only processes with these ids.
    pub pids: Vec<u32>,
    /// Only processes with these names.
    pub process_names: Vec<String>,
    /// Only threads with these ids of the operating system.
    pub tids: Vec<u64>,
    /// Only calls of functions whose names match, and what they call.
    pub functions: Option<Regex>,
    /// Only calls that took at least this long.
    pub min_duration: Option<Duration>,
    /// Only calls with fewer calls around them than this.
    pub max_depth: Option<u32>,
    /// Whether calls of C functions are left out.
    pub drop_c_functions: bool,
}

impl Selection {
    /// Whether nothing is left out.
    pub fn is_everything(&self) -> bool {
        let Selection { since, until, last, as_of, functions, min_duration, max_depth, drop_c_functions, .. } = self;
        let lists = self.pids.is_empty() && self.process_names.is_empty() && self.tids.is_empty();
        let bounds = since.is_none() && until.is_none() && last.is_none() && as_of.is_none();
        lists && bounds && functions.is_none() && min_duration.is_none() && max_depth.is_none() && !drop_c_functions
    }

    /// Whether a process with this id and name is selected.
    pub fn has_process(&self, pid: u32, name: &str) -> bool {
        let Selection { pids, process_names, .. } = self;
        (pids.is_empty() || pids.contains(&pid))
            && (process_names.is_empty() || process_names.iter().any(|wanted| wanted == name))
    }
}

/// A time that bounds the selection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// A duration after the begin of the trace.
    After(Duration),
    /// A time of the wall clock, in ns since 1970.
    At(u64),
}

impl std::str::FromStr for Bound {
    type Err = String;

    /// Parses durations such as `5s` and `1.5s`, and dates in UTC such as `2026-11-22T11:23:20`.
    fn from_str(text: &str) -> Result<Bound, String> {
        if text.starts_with('-') {
            return Err(when::NEGATIVE.to_owned());
        }
        if let Ok(duration) = when::parse_duration(text) {
            return Ok(Bound::After(duration));
        }
        let time = when::parse_time(text).ok_or(
            "neither a time after the begin, such as 5s or 300ms, nor a date in UTC, such as 2026-11-22T11:23:20",
        )?;
        Ok(Bound::At(time))
    }
}
