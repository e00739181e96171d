//! The command `viztracer-merge calls`.

pub mod arguments;

use super::exit::OK;
use super::say;
use super::watcher::watched;
use crate::error::MergeError;
use crate::report::loss;
use crate::trace::Trace;
use arguments::CallsArguments;
use std::path::PathBuf;

/// Prints the slowest calls, and returns the exit status.
pub fn calls(
    arguments: &CallsArguments,
    inputs: Vec<PathBuf>,
    interrupted: &dyn Fn() -> bool,
) -> Result<u8, MergeError> {
    let request = arguments.request(inputs);
    let summary = watched(arguments.reading.quiet, interrupted, |watch| {
        let trace = Trace::read(&request, watch)?;
        trace.check_stdout()?;
        trace.slowest(watch, arguments.slowest())
    })?;
    let missing = match arguments.strict {
        true => say::missing(loss::lines(&summary), &mut Vec::new()).max(say::selected(&summary, true)),
        false => OK,
    };
    Ok(say::summary(&summary, true).max(missing))
}
