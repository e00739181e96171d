//! The command `viztracer-merge`: its arguments, its messages on stderr, its exit status. The Python package combines
//! files with the same messages and statuses, but without the parser of arguments.

mod arguments;
mod calls;
mod compare;
mod exit;
mod generate;
mod misspelt;
mod reading;
mod say;
mod usage;
mod watcher;

use crate::align::{Align, AlignOptions};
use crate::error::{BadInput, MergeError, Problem};
use crate::input::discover;
use crate::input::leftovers;
use crate::inspect::dump;
use crate::inspect::info;
use crate::parallel::progress::Watch;
use crate::report::loss;
use crate::report::summary::Summary;
use crate::system::raise_descriptor_limit;
use crate::text::display::STDOUT;
use crate::trace::Trace;
use arguments::{Arguments, Command, Target};
use clap::Parser;
use exit::{INCOMPLETE, OK};
use misspelt::{CALLS, COMPARE};
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use watcher::{Watcher, printed, watched};

/// Runs the command with these arguments, the first of which is the program's name, and returns its exit status.
/// The calling thread asks `interrupted` several times a second whether to stop.
pub fn command(arguments: impl IntoIterator<Item = OsString>, interrupted: &(dyn Fn() -> bool + Sync)) -> u8 {
    let words: Vec<OsString> = arguments.into_iter().collect();
    let arguments = match Arguments::try_parse_from(&words) {
        Ok(arguments) => arguments,
        Err(error) => return usage::show(error, &words),
    };
    if let Some(what) = arguments.generate {
        return printed(generate::generate(what, &mut io::stdout().lock())).map_or_else(|e| say::error(&e), |()| OK);
    }
    raise_descriptor_limit();
    let done = match &arguments.command {
        Some(Command::Calls(arguments)) => {
            warn_of_file(CALLS);
            inputs(&arguments.inputs, interrupted).and_then(|inputs| calls::calls(arguments, inputs, interrupted))
        }
        Some(Command::Compare(arguments)) => {
            warn_of_file(COMPARE);
            compare::compare(arguments, interrupted)
        }
        None => inputs(&arguments.inputs, interrupted).map(|inputs| merge(&arguments, &inputs, interrupted)),
    };
    done.unwrap_or_else(|error| say::error(&error))
}

/// Says how to merge a file that has the name of a command.
fn warn_of_file(name: &str) {
    if std::fs::exists(name).unwrap_or(false) {
        say::complain(format_args!("warning: {name} is a command here: to merge what has this name, write ./{name}"));
    }
}

/// Does what `viztracer-merge -o OUTPUT INPUT...` does, and returns the exit status. No input stands for standard
/// input. The calling thread asks `interrupted` as in [`command`].
pub fn combine(
    inputs: &[PathBuf],
    output: PathBuf,
    align: Align,
    quiet: bool,
    interrupted: &(dyn Fn() -> bool + Sync),
) -> u8 {
    raise_descriptor_limit();
    let alignment = AlignOptions { align, ..AlignOptions::default() };
    merge(&Arguments { output: vec![output], alignment, quiet, ..Arguments::default() }, inputs, interrupted)
}

/// Does what the arguments ask for, and returns the exit status. Leftovers are listed if no input could be read: then
/// the user may look for them.
fn merge(arguments: &Arguments, inputs: &[PathBuf], interrupted: &dyn Fn() -> bool) -> u8 {
    let result = Invocation { arguments, inputs, interrupted }.execute();
    let of_interest = matches!(result, Err(MergeError::NothingReadable(_)));
    let status = result.unwrap_or_else(|error| say::error(&error));
    if of_interest && !arguments.quiet && !arguments.info && !arguments.dump {
        say::leftovers(&leftovers::find(Some(&arguments.request(Vec::new()).output), inputs));
    }
    status
}

/// Returns the inputs. Those that standard input lists replace `-`.
fn inputs(given: &[PathBuf], interrupted: &dyn Fn() -> bool) -> Result<Vec<PathBuf>, MergeError> {
    let mut inputs = Vec::new();
    for input in given {
        if input != Path::new(STDOUT) {
            inputs.push(input.clone());
            continue;
        }
        match discover::listed(io::stdin(), interrupted) {
            Ok(listed) => inputs.extend(listed),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(MergeError::Interrupted),
            Err(error) => return Err(MergeError::List(error)),
        }
    }
    if inputs.is_empty() { Err(MergeError::EmptyList) } else { Ok(inputs) }
}

/// The work that one command line asks for.
struct Invocation<'a> {
    arguments: &'a Arguments,
    inputs: &'a [PathBuf],
    interrupted: &'a dyn Fn() -> bool,
}

impl Invocation<'_> {
    fn execute(&self) -> Result<u8, MergeError> {
        let mut targets = self.arguments.targets()?;
        let prints = self.arguments.prints();
        if targets.is_empty() && !prints {
            targets.push(self.arguments.usual_target());
        }
        if prints && targets.iter().any(Target::is_stdout) {
            return Err(MergeError::Twice(STDOUT.into()));
        }
        if let Some(status) = none_writable(&targets).filter(|_| !prints) {
            return Ok(status);
        }
        let request = self.arguments.request(self.inputs.to_vec());
        let trace = self.watched(|watch| Trace::read(&request, watch))?;
        if prints {
            trace.check_stdout()?;
        }
        if self.arguments.info {
            return self.info(&trace);
        }
        if self.arguments.dump {
            return self.dump(&trace);
        }
        let reported = match self.arguments.top() {
            Some(top) => Some(self.watched(|watch| trace.top(watch, top))?),
            None if let Some(tasks) = self.arguments.tasks() => Some(self.watched(|watch| trace.tasks(watch, tasks))?),
            None if self.arguments.last_words => {
                let mut stdout = io::stdout().lock();
                Some(trace.last_words(&Watcher::new(true, self.interrupted), self.arguments.json, &mut stdout)?)
            }
            None => None,
        };
        match (reported, targets.is_empty()) {
            (Some(reported), true) => {
                let status = say::selected(&reported, trace.selects_a_process()).max(say::summary(&reported, true));
                Ok(status.max(self.missing(&reported, &mut Vec::new())))
            }
            _ => self.reports(&trace, &targets),
        }
    }

    /// Writes one report after the other. An error in one of them does not stop the others.
    fn reports(&self, trace: &Trace<'_>, targets: &[Target]) -> Result<u8, MergeError> {
        let mut status = None;
        let (mut failed, mut reported) = (Vec::new(), Vec::new());
        for Target { path, format } in targets {
            match self.watched(|watch| trace.report(watch, path, *format)) {
                Ok(summary) => {
                    let quiet = self.arguments.quiet;
                    // The first report has shown the inputs.
                    let of_this =
                        if status.is_none() { say::summary(&summary, quiet) } else { say::another(&summary, quiet) };
                    status = status.max(Some(of_this)).max(Some(self.missing(&summary, &mut reported)));
                }
                Err(MergeError::Interrupted) => return Err(MergeError::Interrupted),
                // The other reports would be of nothing, too.
                Err(error @ MergeError::NothingSelected(..)) => {
                    failed.push(error);
                    break;
                }
                Err(error) => failed.push(error),
            }
        }
        let failed = failed.iter().map(say::error).max();
        Ok(failed.or(status).unwrap_or(OK))
    }

    /// Lists what is missing if the command line has `--strict`, and returns the exit status.
    fn missing(&self, summary: &Summary, reported: &mut Vec<String>) -> u8 {
        if self.arguments.strict { say::missing(loss::lines(summary), reported) } else { OK }
    }

    fn info(&self, trace: &Trace<'_>) -> Result<u8, MergeError> {
        let summary = trace.summary();
        let text = match self.arguments.json {
            true => info::document(trace.plans(), &summary.bad),
            false => info::table(trace.plans()),
        };
        let mut stdout = io::stdout().lock();
        printed(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()))?;
        Ok(say::summary(&summary, true))
    }

    fn dump(&self, trace: &Trace<'_>) -> Result<u8, MergeError> {
        let (plans, summary) = (trace.plans(), trace.summary());
        let go_on = || !(self.interrupted)();
        let mut bad = summary.bad;
        let documents = plans.iter().filter(|plan| plan.imported().is_some());
        bad.extend(
            documents.map(|plan| BadInput::new(&plan.path, Problem::new("a trace in JSON, which has no records"))),
        );
        bad.dedup();
        let mut complete = bad.is_empty();
        let mut stdout = io::stdout().lock();
        let files = plans.iter().zip(&trace.alignment().clocks).filter(|(plan, _)| plan.imported().is_none());
        for (plan, clock) in files {
            match dump::write(plan, clock, &go_on, &mut stdout) {
                Ok(damaged) => complete &= damaged == 0,
                Err(error) => printed(Err(error))?,
            }
        }
        say::bad(&bad);
        Ok(if complete { OK } else { INCOMPLETE })
    }

    /// Shows a progress bar while `work` runs.
    fn watched<T>(&self, work: impl FnOnce(&dyn Watch) -> T) -> T {
        watched(self.arguments.quiet, self.interrupted, work)
    }
}

/// Returns the exit status if none of the reports can be written. Then nothing is read, which may take long.
fn none_writable(targets: &[Target]) -> Option<u8> {
    let errors = targets.iter().map(|target| target.format.check_writable(&target.path).err());
    let errors: Option<Vec<MergeError>> = errors.collect();
    errors?.iter().map(say::error).max()
}
