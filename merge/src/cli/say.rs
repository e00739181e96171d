//! What is said on stderr.

use super::exit::{FAILED, INCOMPLETE, INTERRUPTED, OK};
use crate::error::{BadInput, MergeError};
use crate::input::leftovers::Leftovers;
use crate::report::loss;
use crate::report::summary::{FileSummary, Summary};
use crate::text::display::{self, grouped, printable};
use std::fmt::Display;
use std::io::Write;

/// Tells what came of a report, and gives the exit status.
pub fn summary(summary: &Summary, quiet: bool) -> u8 {
    bad(&summary.bad);
    summary.files.iter().for_each(problems);
    for warning in &summary.warnings {
        complain(format_args!("warning: {warning}"));
    }
    if !quiet {
        passed_over(summary);
        if !summary.sources_left_out.is_empty() {
            complain(summary.sources_left_out);
        }
        drop(write!(std::io::stderr(), "{summary}"));
    }
    status(summary)
}

/// Tells of another report of the same inputs.
pub fn another(summary: &Summary, quiet: bool) -> u8 {
    if !quiet {
        drop(writeln!(std::io::stderr(), "{}", summary.last_line()));
    }
    status(summary)
}

fn status(summary: &Summary) -> u8 {
    if summary.is_complete() { OK } else { INCOMPLETE }
}

/// Tells what is missing in a report, but for what is among `told` from another one, and gives the exit status.
pub fn missing(summary: &Summary, told: &mut Vec<String>) -> u8 {
    let lines = loss::lines(summary);
    let status = if lines.is_empty() { OK } else { INCOMPLETE };
    for line in lines {
        if !told.contains(&line) {
            complain(format_args!("strict: {line}"));
            told.push(line);
        }
    }
    status
}

fn passed_over(summary: &Summary) {
    let Some(first) = summary.passed_over.first().map(|path| display::path(path)) else { return };
    match summary.passed_over.len() {
        1 => complain(format_args!("{first}: skipped: not a ring file")),
        files => {
            let others = grouped(files as u64 - 1);
            complain(format_args!("{first} and {others} more: skipped: not ring files"));
        }
    }
}

fn problems(file: &FileSummary) {
    let path = display::path(&file.path);
    for problem in &file.problems.first {
        complain(format_args!("{path}: {problem}"));
    }
    let more = file.problems.count.saturating_sub(file.problems.first.len() as u64);
    if more > 0 {
        complain(format_args!("{path}: {more} more problems"));
    }
    if let Some(code) = i32::try_from(file.failure).ok().filter(|code| *code > 0) {
        let error = BadInput::new(&file.path, std::io::Error::from_raw_os_error(code));
        complain(format_args!("warning: {path}: recording stopped early: {}", error.problem));
    }
}

/// Tells why there is no report, and gives the exit status.
pub fn error(error: &MergeError) -> u8 {
    if let MergeError::NothingReadable(inputs) = error {
        bad(inputs);
    }
    complain(error);
    if matches!(error, MergeError::Interrupted) { INTERRUPTED } else { FAILED }
}

/// Tells what crashes have left behind.
pub fn leftovers(leftovers: &Leftovers) {
    leftovers.line().iter().for_each(complain);
}

/// Tells which inputs were not read.
pub fn bad(bad: &[BadInput]) {
    bad.iter().for_each(complain);
}

/// Says a line, whatever stands in it. Who does not listen is no reason to fail.
pub fn complain(what: impl Display) {
    drop(writeln!(std::io::stderr(), "viztracer-merge: {}", printable(&what.to_string())));
}

/// Tells what is wrong with the arguments, in the words of their parser. They may be names of files that somebody else
/// has chosen and a shell has listed.
pub fn usage(error: &clap::Error) {
    let text = error.render().to_string();
    let lines: Vec<String> = text.lines().map(printable).collect();
    drop(writeln!(std::io::stderr(), "{}", lines.join("\n")));
}
