//! The trace: all inputs, opened, planned and on one time line. It makes reports, tables and last words.

pub mod calls;
mod runs;
pub mod tiles;

use crate::align::{self, Align, Alignment, Offset};
use crate::chrome;
use crate::error::{BadInput, MergeError};
use crate::events::barriers;
use crate::events::selection::{AsOf, OTHER_CLOCK, Selected, TimeRange};
use crate::input::discover;
use crate::input::ring::State;
use crate::inspect::last_words::{self, LastWords, Others, innermost};
use crate::parallel::progress::Watch;
use crate::plan::ending::Ending;
use crate::plan::file::FilePlan;
use crate::report::sources::root::SourceRoot;
use crate::report::summary::Summary;
use crate::report::write::slowest::Slowest;
use crate::report::write::tasks::Tasks;
use crate::report::write::{CollectedFunctions, Format, Report, Sides, top::Top};
use crate::request::Request;
use crate::storage::inode::Inode;
use crate::storage::output::{Output, check_apart};
use crate::storage::pipe::wait_for_reader;
use crate::survey;
use crate::survey::number;
use crate::survey::roles;
use crate::survey::waits;
use crate::text::display::STDOUT;
use std::collections::HashSet;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The number of workers if the user sets none. More would wait for the one that writes, and each holds some MB.
const WORKERS_USUAL: usize = 16;
/// The most workers that the user can set, unless there are more processors: each holds some MB.
const WORKERS_MAX: usize = 64;

/// All inputs of a request.
pub struct Trace<'a> {
    request: &'a Request,
    pool: Arc<rayon::ThreadPool>,
    source_root: Option<SourceRoot>,
    /// All files among the inputs, readable or not.
    inputs: HashSet<Inode>,
    plans: Vec<FilePlan>,
    alignment: Alignment,
    bad: Vec<BadInput>,
    /// Files in directories that have the name of a ring file and are none.
    passed_over: Vec<PathBuf>,
    /// The sides, if this is a base and a head.
    sides: Option<Sides>,
    /// The selected time of each file, if each run is cut by itself.
    times: Option<Vec<TimeRange>>,
}

/// How many workers a request is to have.
fn workers(request: &Request) -> usize {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    request.threads.unwrap_or(processors.min(WORKERS_USUAL)).min(WORKERS_MAX.max(processors))
}

/// Starts the workers, or fewer if the system does not allow as many threads.
fn pool(workers: usize) -> Result<rayon::ThreadPool, rayon::ThreadPoolBuildError> {
    match rayon::ThreadPoolBuilder::new().num_threads(workers).build() {
        Err(_) if workers > 1 => pool(workers / 2),
        built => built,
    }
}

impl<'a> Trace<'a> {
    /// Opens and plans the inputs.
    pub fn read(request: &'a Request, watch: &dyn Watch) -> Result<Trace<'a>, MergeError> {
        let pool = Arc::new(pool(workers(request))?);
        let open = |path: &PathBuf| {
            SourceRoot::open_directory(path).map_err(|error| MergeError::SourceRoot(path.clone(), error))
        };
        let source_root = request.source_root.as_ref().map(open).transpose()?;
        let (found, mut bad) = discover::discover(&request.inputs);
        let inputs = found.iter().map(|found| found.inode).collect();
        let paths: Vec<PathBuf> = found.iter().map(|found| found.path.clone()).collect();
        let as_of = request.selection.as_of;
        let mut plans = survey::all(&paths, as_of.is_some(), &pool, watch, &mut bad)?;
        if plans.is_empty() {
            return Err(MergeError::NothingReadable(bad));
        }
        if let Some(instant) = as_of {
            check_as_of(request, &plans, instant)?;
            plans.retain(|plan| instant.is_after_begin(&plan.recording));
            if plans.is_empty() {
                return Err(MergeError::NoTime("all recordings have begun after --as_of"));
            }
        }
        let chance: HashSet<&Path> = found.iter().filter(|found| !found.is_named).map(|found| &*found.path).collect();
        let is_meant = |bad: &BadInput| !(chance.contains(&*bad.path) && discover::is_other_kind(&bad.path));
        let (bad, passed_over): (_, Vec<BadInput>) = bad.into_iter().partition(is_meant);
        let passed_over = passed_over.into_iter().map(|bad| bad.path).collect();
        let mut warnings = Vec::new();
        chrome::settle(&mut plans, &mut warnings);
        warnings.extend(survey::uncopied(&plans));
        number::number(&mut plans);
        waits::settle(&mut plans);
        roles::settle(&mut plans, request.are_workers);
        let unmeant = |offset: &&Offset| !plans.iter().any(|plan| offset.is_of(plan));
        if let Some(offset) = request.offsets.iter().find(unmeant) {
            return Err(MergeError::Offset(offset.path.clone()));
        }
        let mut alignment = aligned(request, &plans, &pool)?;
        alignment.warnings.splice(..0, warnings);
        show_running(request, &mut plans, &alignment)?;
        Selected::of(&request.selection, &plans, &alignment)?;
        Ok(Trace { request, pool, source_root, inputs, plans, alignment, bad, passed_over, sides: None, times: None })
    }

    /// The plans of the files that can be read, in order.
    pub fn plans(&self) -> &[FilePlan] {
        &self.plans
    }

    /// The alignment of the files.
    pub fn alignment(&self) -> &Alignment {
        &self.alignment
    }

    /// Writes a report.
    pub fn report(&self, watch: &dyn Watch, output: &Path, format: Format) -> Result<Summary, MergeError> {
        let mut summary = Summary { output: output.into(), ..self.summary() };
        summary.last_words = innermost(&self.plans);
        let report = self.selected_report()?;
        if format.is_directory(output) {
            report.write_directory(&self.pool, watch, output, &mut summary)?;
            return Ok(summary);
        }
        check_apart(output, &self.inputs)?;
        let reader = wait_for_reader(output, watch)?;
        let mut output = Output::create(output)?;
        drop(reader);
        report.write(format, &self.pool, watch, &mut output, &mut summary)?;
        if watch.stopped() {
            return Err(MergeError::Interrupted);
        }
        // A snapshot replaces nothing, and nothing may have happened in its time.
        if self.request.replaces {
            summary.check_selected()?;
        }
        output.finish(self.request.replaces)?;
        Ok(summary)
    }

    /// An error if what is printed would be written into an input.
    pub fn check_stdout(&self) -> Result<(), MergeError> {
        check_apart(Path::new(STDOUT), &self.inputs)
    }

    /// Prints the functions that took the most time. A reader that goes away has read enough.
    pub fn top(&self, watch: &dyn Watch, top: Top) -> Result<Summary, MergeError> {
        let mut summary = self.summary();
        let report = self.selected_report()?;
        let mut output = Output::create(Path::new(STDOUT))?;
        printed(report.top(top, &self.pool, watch, &mut output, &mut summary)).map(|()| summary)
    }

    /// Prints the coroutines that took the most time. A reader that goes away has read enough.
    pub fn tasks(&self, watch: &dyn Watch, tasks: Tasks) -> Result<Summary, MergeError> {
        let mut summary = self.summary();
        let report = self.selected_report()?;
        let mut output = Output::create(Path::new(STDOUT))?;
        printed(report.tasks(tasks, &self.pool, watch, &mut output, &mut summary)).map(|()| summary)
    }

    /// Prints the slowest calls. A reader that goes away has read enough.
    pub fn slowest(&self, watch: &dyn Watch, slowest: Slowest) -> Result<Summary, MergeError> {
        let mut summary = self.summary();
        let report = self.selected_report()?;
        let mut output = Output::create(Path::new(STDOUT))?;
        let asked = (slowest, self.request.selection.functions.as_ref());
        printed(report.slowest(asked, &self.pool, watch, &mut output, &mut summary)).map(|()| summary)
    }

    /// The functions of all processes, and what they are made of.
    pub fn functions(&self, watch: &dyn Watch) -> Result<(CollectedFunctions, Summary), MergeError> {
        let mut summary = self.summary();
        let mut output = Output::create(Path::new(STDOUT))?;
        let functions = self.selected_report()?.functions(&self.pool, watch, &mut output, &mut summary)?;
        Ok((functions, summary))
    }

    fn selected_report(&self) -> Result<Report<'_>, MergeError> {
        let (files, alignment) = (&self.plans[..], &self.alignment);
        let selection = &self.request.selection;
        let selected = match &self.times {
            Some(times) => Selected::with(selection, times),
            None => Selected::of(selection, files, alignment)?,
        };
        let (source, source_root) = (self.request.source, self.source_root.as_ref());
        let prefixes = &self.request.prefixes;
        let show_losses = self.request.show_losses;
        let sides = self.sides.as_ref();
        Ok(Report { files, alignment, source, show_losses, source_root, prefixes, selected, sides })
    }

    /// Prints the last words of the processes that did not end in order, as JSON if `json`. A reader that goes away has
    /// read enough.
    pub fn last_words(&self, watch: &dyn Watch, json: bool, to: &mut dyn Write) -> Result<Summary, MergeError> {
        let mut summary = self.summary();
        let printed = match json {
            true => self.print_last_words(watch, to, &mut summary),
            false => self.write_last_words(watch, to, &mut summary),
        };
        match printed {
            Err(error) if error.kind() == ErrorKind::Interrupted => Err(MergeError::Interrupted),
            Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(MergeError::LastWords(error)),
            _ => Ok(summary),
        }
    }

    fn write_last_words(&self, watch: &dyn Watch, to: &mut dyn Write, summary: &mut Summary) -> io::Result<()> {
        let others = self.each_last_words(watch, summary, |plan, words| {
            let mut text = String::new();
            last_words::write(plan, &words, &mut text).map_err(io::Error::other)?;
            to.write_all(text.as_bytes())
        })?;
        to.write_all(others.to_string().as_bytes())?;
        to.flush()
    }

    fn print_last_words(&self, watch: &dyn Watch, to: &mut dyn Write, summary: &mut Summary) -> io::Result<()> {
        let mut processes = Vec::new();
        let others = self.each_last_words(watch, summary, |plan, words| {
            processes.push((plan, words));
            Ok(())
        })?;
        to.write_all(last_words::document(&processes, others).as_bytes())?;
        to.flush()
    }

    /// Does something with the last words of each selected process that has some; returns the counts of the others.
    fn each_last_words<'plan>(
        &'plan self,
        watch: &dyn Watch,
        summary: &mut Summary,
        mut take: impl FnMut(&'plan FilePlan, LastWords) -> io::Result<()>,
    ) -> io::Result<Others> {
        let (mut taken, mut unknown, mut ended) = (0, 0, 0);
        for ((plan, clock), file) in self.plans.iter().zip(&self.alignment.clocks).zip(&mut summary.files) {
            if !self.is_selected(plan) {
                continue;
            }
            if plan.state == State::Sealed {
                ended += 1;
                continue;
            }
            if plan.state == State::Unknown && plan.frames.is_empty() && !plan.ending.is_death() {
                match plan.ending {
                    Ending::Untold => unknown += 1,
                    _ => ended += 1,
                }
                continue;
            }
            if watch.stopped() {
                return Err(ErrorKind::Interrupted.into());
            }
            let words = LastWords::of(plan, clock);
            file.problems.append(&words.problems);
            take(plan, words)?;
            taken += 1;
        }
        Ok(Others { ended, unknown, all: taken == 0 })
    }

    /// Whether the options that select a part leave a process.
    pub fn selects_a_process(&self) -> bool {
        self.plans.iter().any(|plan| self.is_selected(plan))
    }

    fn is_selected(&self, plan: &FilePlan) -> bool {
        self.request.selection.has_process(plan.recording.pid, &plan.process_name())
    }

    /// The summary as it is before events are read.
    pub fn summary(&self) -> Summary {
        let output = self.request.output.clone();
        let mut summary = Summary::of(output, &self.plans, &self.alignment, &self.request.prefixes, self.bad.clone());
        summary.passed_over = self.passed_over.clone();
        summary.members = chrome::metadata(&self.plans);
        summary
    }
}

/// The time line of a request.
fn aligned(request: &Request, plans: &[FilePlan], pool: &rayon::ThreadPool) -> Result<Alignment, MergeError> {
    let (how, offsets) = (request.align, &request.offsets);
    let Some(barrier) = &request.barrier else { return Ok(align::align(plans, how, offsets)) };
    if how == Align::Start {
        return Err(MergeError::Barrier("--align start moves each run by its begin".into()));
    }
    let passes = barriers::passes(plans, barrier, pool);
    passes.and_then(|passes| align::align_by_barrier(plans, how, offsets, &passes)).map_err(MergeError::Barrier)
}

/// Passes on what became of printing. A reader that goes away has read enough.
fn printed(result: Result<(), MergeError>) -> Result<(), MergeError> {
    match result {
        Err(MergeError::Output(_, error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(MergeError::Output(_, error)) => Err(MergeError::Print(error)),
        other => other,
    }
}

/// Shows processes that still run as of the instant that is asked for, if one is: what is open then lasts until just
/// after it, like a call that ends later.
fn show_running(request: &Request, plans: &mut [FilePlan], alignment: &Alignment) -> Result<(), MergeError> {
    let Some(instant) = request.selection.as_of else { return Ok(()) };
    let until = instant.of_report(alignment.zero)?.saturating_add(1);
    let living = plans.iter_mut().filter(|plan| plan.ending == Ending::Running);
    living.for_each(|plan| plan.running_until = until);
    Ok(())
}

/// Fails if an instant of this machine's clock means nothing to one of these recordings, or in this report.
fn check_as_of(request: &Request, plans: &[FilePlan], instant: AsOf) -> Result<(), MergeError> {
    if request.align == Align::Start || !request.offsets.is_empty() {
        return Err(MergeError::NoTime("--as_of is a time of the machine's clock, so no run can be moved"));
    }
    let is_known = |plan: &FilePlan| plan.imported().is_none() && instant.is_of(&plan.recording);
    if plans.iter().all(is_known) { Ok(()) } else { Err(MergeError::NoTime(OTHER_CLOCK)) }
}
