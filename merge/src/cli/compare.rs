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
use crate::request::Request;
use crate::trace::Trace;
use arguments::CompareArguments;
use std::io::{self, Write};

/// The name of the command.
pub const NAME: &str = "compare";

/// Compares runs, and returns the exit status.
pub fn compare(arguments: &CompareArguments, interrupted: &dyn Fn() -> bool) -> Result<u8, MergeError> {
    if std::fs::exists(NAME).unwrap_or(false) {
        say::complain(format_args!("warning: {NAME} is a command here: to merge what has this name, write ./{NAME}"));
    }
    let requests = arguments.requests();
    let read = |request: &Request| {
        watched(arguments.quiet, interrupted, |watch| {
            let trace = Trace::read(request, watch)?;
            trace.check_stdout()?;
            Run::read(trace, watch)
        })
    };
    let comparison = Comparison::of(Both { base: read(&requests.base)?, head: read(&requests.head)? }, arguments.sort);
    let verdicts = verdicts(&comparison, &arguments.fail_on);
    let text = match arguments.json {
        true => document(&comparison, &verdicts, arguments.rows()),
        false => Table { rows: arguments.rows(), markdown: arguments.markdown }.text(&comparison, &verdicts),
    };
    let mut stdout = io::stdout().lock();
    printed(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()))?;
    Ok(of_runs(arguments, &comparison).max(of_rules(arguments, &verdicts)))
}

/// Reports what could not be read, and returns the exit status.
fn of_runs(arguments: &CompareArguments, comparison: &Comparison) -> u8 {
    let runs = comparison.runs.base.iter().chain(&comparison.runs.head);
    let mut reported = Vec::new();
    let mut status = |run: &Run| {
        let missing = if arguments.strict { say::missing(&run.summary, &mut reported) } else { OK };
        say::summary(&run.summary, true).max(missing)
    };
    runs.map(&mut status).max().unwrap_or(OK)
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
