//! Messages on stderr.

use super::exit::{FAILED, INCOMPLETE, INTERRUPTED, OK};
use super::misspelt;
use crate::error::{BadInput, MergeError};
use crate::input::leftovers::Leftovers;
use crate::report::summary::{FileSummary, Summary};
use crate::text::display::{self, grouped, printable};
use std::fmt::Display;
use std::io::Write;

/// Reports the result of a merge, and returns the exit status.
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

/// Says so if the options select nothing of what there is, or not even a process, and returns the exit status.
pub fn selected(summary: &Summary, has_process: bool) -> u8 {
    if has_process && !summary.selects_nothing() {
        return OK;
    }
    let what = match summary.left_out() {
        0 => "processes".to_owned(),
        events => format!("{} events", grouped(events)),
    };
    complain(format_args!("the options that select a part select none of the {what}"));
    INCOMPLETE
}

/// Reports another report of the same inputs, and returns the exit status.
pub fn another(summary: &Summary, quiet: bool) -> u8 {
    if !quiet {
        drop(writeln!(std::io::stderr(), "{}", summary.last_line()));
    }
    status(summary)
}

fn status(summary: &Summary) -> u8 {
    if summary.is_complete() { OK } else { INCOMPLETE }
}

/// Lists what is missing in a report, and returns the exit status. Lines among `reported` are not repeated.
pub fn missing(lines: Vec<String>, reported: &mut Vec<String>) -> u8 {
    let status = if lines.is_empty() { OK } else { INCOMPLETE };
    for line in lines {
        if !reported.contains(&line) {
            complain(format_args!("strict: {line}"));
            reported.push(line);
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

/// Says why there is no report, and returns the exit status.
pub fn error(error: &MergeError) -> u8 {
    if let MergeError::NothingReadable(inputs)
    | MergeError::NoSide(_, inputs)
    | MergeError::NothingSelected(_, inputs) = error
    {
        bad(inputs);
    }
    complain(error);
    match error {
        MergeError::Interrupted => INTERRUPTED,
        MergeError::NothingSelected(..) => INCOMPLETE,
        _ => FAILED,
    }
}

/// Lists the directories that crashes have left behind.
pub fn leftovers(leftovers: &Leftovers) {
    leftovers.line().iter().for_each(complain);
}

/// Lists the inputs that were not read.
pub fn bad(bad: &[BadInput]) {
    for input in bad {
        match misspelt::meant(&input.path) {
            Some(command) => complain(format_args!("{input}: did you mean `viztracer-merge {command}`?")),
            None => complain(input),
        }
    }
}

/// Writes a line to stderr, with control characters escaped. An error is ignored: nothing can be said about it.
pub fn complain(what: impl Display) {
    drop(writeln!(std::io::stderr(), "viztracer-merge: {}", printable(&what.to_string())));
}

/// Shows what the parser of arguments says. Arguments may be names of files that a stranger has chosen and a shell has
/// listed, so control characters are escaped.
pub fn usage(text: &str) {
    let lines: Vec<String> = text.lines().map(printable).collect();
    drop(writeln!(std::io::stderr(), "{}", lines.join("\n")));
}
