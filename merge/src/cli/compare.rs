//! The command `viztracer-merge compare`.

pub mod arguments;

use super::exit::{BROKEN, INCOMPLETE, OK};
use super::say;
use super::watcher::{printed, watched};
use crate::compare::Both;
use crate::compare::comparison::Comparison;
use crate::compare::document::document;
use crate::compare::side::Run;
use crate::compare::table::{Table, summary};
use crate::compare::verdict::{Verdict, verdicts};
use crate::error::MergeError;
use crate::report::write::Format;
use crate::request::Request;
use crate::storage::output;
use crate::trace::Trace;
use arguments::CompareArguments;
use std::io::{self, Write};
use std::path::Path;

/// Compares runs, and returns the exit status.
pub fn compare(arguments: &CompareArguments, interrupted: &dyn Fn() -> bool) -> Result<u8, MergeError> {
    let requests = arguments.requests();
    if let Some(page) = &arguments.output {
        output::check_writable(page)?;
    }
    let read = |side, request: &Request| {
        watched(arguments.reading.quiet, interrupted, |watch| {
            let trace = Trace::read(request, watch).map_err(|error| of_side(side, error))?;
            trace.check_stdout()?;
            Run::read(trace, watch)
        })
    };
    let runs = Both { base: read("base", &requests.base)?, head: read("head", &requests.head)? };
    let comparison =
        watched(arguments.reading.quiet, interrupted, |watch| Comparison::of(runs, arguments.sort, watch))?;
    let verdicts = verdicts(&comparison, &arguments.fail_on);
    let text = match arguments.json {
        true => document(&comparison, &verdicts, arguments.rows()),
        false => Table { rows: arguments.rows(), markdown: arguments.markdown }.text(&comparison, &verdicts),
    };
    let mut stdout = io::stdout().lock();
    printed(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()))?;
    let status = of_runs(arguments, &comparison).max(of_rules(arguments, &verdicts));
    match &arguments.output {
        // That the page is missing says more than what would be in it.
        Some(page) => write_page(arguments, &requests, &comparison, page, interrupted).map(|()| status),
        None => Ok(status),
    }
}

/// Names the side of which nothing could be read.
fn of_side(side: &'static str, error: MergeError) -> MergeError {
    match error {
        MergeError::NothingReadable(inputs) => MergeError::NoSide(side, inputs),
        error => error,
    }
}

/// Writes the page of both sides. They are read again, since each run has a time line of its own in the comparison.
fn write_page(
    arguments: &CompareArguments,
    requests: &Both<Request>,
    comparison: &Comparison,
    page: &Path,
    interrupted: &dyn Fn() -> bool,
) -> Result<(), MergeError> {
    watched(arguments.reading.quiet, interrupted, |watch| {
        let [base, head] = [&requests.base, &requests.head].map(|request| Trace::read(request, watch));
        base?.beside(head?, comparison.modules())?.report(watch, page, Format::Html).map(drop)
    })
}

/// Reports what could not be read, and returns the exit status.
fn of_runs(arguments: &CompareArguments, comparison: &Comparison) -> u8 {
    let runs = comparison.runs.base.iter().chain(&comparison.runs.head);
    let mut reported = Vec::new();
    let mut status = |run: &Run| {
        let missing = if arguments.strict { say::missing(run.losses(), &mut reported) } else { OK };
        say::summary(&run.summary, true).max(missing)
    };
    let of_nothing = if arguments.strict && comparison.is_of_nothing() { INCOMPLETE } else { OK };
    runs.map(&mut status).max().unwrap_or(OK).max(of_nothing)
}

/// Reports rules that are broken or have no verdict, and returns the exit status.
fn of_rules(arguments: &CompareArguments, verdicts: &[Verdict<'_>]) -> u8 {
    let status = |verdict: &Verdict<'_>| match (verdict.broken.is_empty(), verdict.undecided.is_empty()) {
        (true, true) => OK,
        (is_kept, _) => {
            let warning = if is_kept { "warning: " } else { "" };
            say::complain(format_args!("{warning}--fail_on '{}': {}", verdict.rule.text, summary(verdict)));
            match (is_kept, arguments.strict) {
                (false, _) => BROKEN,
                (true, true) => INCOMPLETE,
                (true, false) => OK,
            }
        }
    };
    verdicts.iter().map(status).max().unwrap_or(OK)
}
