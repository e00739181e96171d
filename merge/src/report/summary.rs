//! What went into a report and what did not: as data here, as the report's [`metadata`], and as a [`table`].

mod elided;
mod metadata;
mod table;

use crate::align::barrier::PlacedHost;
use crate::align::{Alignment, Method, Zero};
use crate::error::{BadInput, MergeError, Problems};
use crate::events::decode::Outcome;
use crate::input::ring::State;
use crate::plan::account::Account;
use crate::plan::ending::Ending;
use crate::plan::file::FilePlan;
use crate::report::account;
use crate::report::innermost::Innermost;
use crate::report::prefixes::Prefixes;
use crate::report::sources::LeftOut;
use crate::text::display::grouped;
use serde_json::{Map, Value};
use std::ops::Range;
use std::path::PathBuf;

/// The warning about greenlets, which share the one stack that a ring file has of a thread.
pub(crate) const SWITCHED: &str = "greenlets were switched, so durations may be wrong";

/// The result of a merge.
#[derive(Debug, Default)]
pub struct Summary {
    /// The report.
    pub output: PathBuf,
    /// The files in it, in order.
    pub files: Vec<FileSummary>,
    /// Inputs of which nothing could be read.
    pub bad: Vec<BadInput>,
    /// Files in directories that have the name of a ring file and are none.
    pub passed_over: Vec<PathBuf>,
    /// Source files whose text is not in the report.
    pub sources_left_out: LeftOut,
    /// Warnings, such as about times that are a guess.
    pub warnings: Vec<String>,
    /// Realtime of the report's zero, in ns since 1970; 0 if it is unknown.
    pub base_realtime: u64,
    /// The clock that the report's zero is a time of.
    pub zero: Zero,
    /// How the files were aligned.
    pub method: Method,
    /// The machines that a barrier has placed.
    pub hosts: Vec<PlacedHost>,
    /// The metadata of the first of the inputs that are reports themselves.
    pub members: Map<String, Value>,
    /// The innermost calls of processes that did not end in order.
    pub last_words: Innermost,
}

/// What went into the report from one file.
#[derive(Clone, Debug)]
pub struct FileSummary {
    /// The file.
    pub path: PathBuf,
    /// The process's id.
    pub pid: u32,
    /// The process's name.
    pub process: String,
    /// Its threads.
    pub threads: Vec<ThreadSummary>,
    /// How many names of itself, its threads and its tasks the report has, and begins and ends of lives of tasks and
    /// coroutines.
    pub names: u64,
    /// How its recording ended.
    pub state: State,
    /// How the process ended.
    pub ending: Ending,
    /// Events of threads that could not even be named.
    pub lost: u64,
    /// Threads of which the file holds nothing any more, because all of their events were overwritten.
    pub forgotten_threads: u64,
    /// The events of those threads.
    pub forgotten_events: u64,
    /// Tasks of which the file holds nothing any more.
    pub forgotten_tasks: u64,
    /// Whether the program switched between stacks inside of its threads, so that durations may be wrong.
    pub switched: bool,
    /// Functions that share the name `unknown function`, because the file had no space for their names.
    pub unnamed: u64,
    /// Returns that matched no open call, and were left out.
    pub unmatched: u64,
    /// How often the tracer found its hook in the interpreter gone; calls of some time before are missing.
    pub gaps: u64,
    /// Why recording stopped early: the operating system's error number, or 0.
    pub failure: u64,
    /// What could not be read.
    pub problems: Problems,
    /// The word for how its recording ended.
    pub(crate) state_word: String,
    /// The one for how the process ended.
    pub(crate) ending_word: String,
    /// Parts that could not be read when an input that is a report was made.
    pub(crate) damaged_before: u64,
    /// What else is known of the process.
    pub(crate) account: Account,
}

/// What went into the report from one thread.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ThreadSummary {
    /// The operating system's id.
    pub tid: u64,
    /// Its name.
    pub name: String,
    /// Events in the report.
    pub events: u64,
    /// Older events that were overwritten.
    pub overwritten: u64,
    /// The time in which they were overwritten, in ns of the report; `None` if it is not selected.
    pub overwritten_time: Option<Range<u64>>,
    /// Events that were lost, because the file had no space for them.
    pub lost: u64,
    /// Events in the report that never ended.
    pub unfinished: u64,
    /// Events that are left out because they are not selected.
    pub left_out: u64,
    /// Calls that are not drawn because too many are around them.
    pub too_deep: u64,
}

impl Summary {
    /// Makes the summary of these plans, before their events are read.
    pub(crate) fn of(
        output: PathBuf,
        plans: &[FilePlan],
        alignment: &Alignment,
        prefixes: &Prefixes,
        bad: Vec<BadInput>,
    ) -> Summary {
        let files = plans.iter().zip(&alignment.clocks);
        let files = files.map(|(plan, clock)| FileSummary::of(plan, account::of(plan, clock, prefixes))).collect();
        let Alignment { base_realtime, zero, method, .. } = *alignment;
        let (warnings, hosts) = (alignment.warnings.clone(), alignment.hosts.clone());
        Summary { output, files, bad, warnings, base_realtime, zero, method, hosts, ..Summary::default() }
    }

    /// Leaves out how often functions are called about: that is known of whole recordings, not of a part of one.
    pub(crate) fn leave_out_estimates(&mut self) {
        self.files.iter_mut().for_each(|file| file.account.estimates.clear());
    }

    /// Adds the counts of a part of a file.
    pub(crate) fn add(&mut self, file: usize, outcome: &Outcome) {
        let Some(file) = self.files.get_mut(file) else { return };
        for part in &outcome.threads {
            if let Some(thread) = file.threads.get_mut(part.thread) {
                thread.events = (thread.events + part.read).saturating_sub(part.left_out);
                thread.unfinished = (thread.unfinished + part.unfinished).saturating_sub(part.unfinished_left_out);
                thread.overwritten = thread.overwritten.saturating_add(part.overwritten);
                thread.left_out += part.left_out;
                thread.too_deep += part.too_deep;
            }
        }
        file.problems.append(&outcome.problems);
    }

    /// Sets the time in which a thread's events were overwritten.
    pub(crate) fn add_overwritten_time(&mut self, file: usize, thread: usize, time: Option<Range<u64>>) {
        if let Some(thread) = self.files.get_mut(file).and_then(|file| file.threads.get_mut(thread)) {
            thread.overwritten_time = time;
        }
    }

    /// Events in the report.
    pub fn events(&self) -> u64 {
        self.files.iter().map(|file| file.sum(|thread| thread.events)).sum()
    }

    /// The entries that `traceEvents` has in JSON: events, names of processes, threads and tasks, and lives.
    pub fn entries(&self) -> u64 {
        self.files.iter().fold(self.events(), |sum, file| sum.saturating_add(file.names))
    }

    /// Older events that are not in the report.
    pub fn overwritten(&self) -> u64 {
        self.files.iter().map(FileSummary::overwritten).fold(0, u64::saturating_add)
    }

    /// Events that are left out because they are not selected.
    pub fn left_out(&self) -> u64 {
        self.files.iter().map(|file| file.sum(|thread| thread.left_out)).sum()
    }

    /// Whether the options that select a part select nothing of what there is. Overwritten events are something: the
    /// report shows their time.
    pub fn selects_nothing(&self) -> bool {
        self.events() == 0 && self.left_out() > 0 && self.overwritten() == 0
    }

    /// An error if nothing is selected: a report without events would replace one that has some.
    pub(crate) fn check_selected(&self) -> Result<(), MergeError> {
        let parts = |file: &FileSummary| {
            let problems = file.problems.first.clone();
            problems.into_iter().map(|problem| BadInput::new(&file.path, problem)).collect::<Vec<_>>()
        };
        let unread = || self.bad.iter().cloned().chain(self.files.iter().flat_map(parts)).collect();
        if self.selects_nothing() { Err(MergeError::NothingSelected(self.left_out(), unread())) } else { Ok(()) }
    }

    /// The warning about processes that switched greenlets, if there are any.
    pub(crate) fn switched(&self) -> Option<String> {
        let count = self.files.iter().filter(|file| file.switched).count();
        let these = if count == 1 { "1 process".to_owned() } else { format!("{} processes", grouped(count as u64)) };
        (count > 0).then(|| format!("{SWITCHED} in {these}"))
    }

    /// Whether every input was read from its first to its last byte.
    pub fn is_complete(&self) -> bool {
        self.bad.is_empty() && self.files.iter().all(|file| file.problems.count == 0)
    }
}

impl FileSummary {
    fn of(plan: &FilePlan, account: Account) -> FileSummary {
        let thread = |thread: &crate::plan::file::Thread| ThreadSummary {
            tid: thread.tid,
            name: thread.display_name(),
            overwritten: thread.overwritten,
            lost: thread.lost,
            ..ThreadSummary::default()
        };
        FileSummary {
            path: plan.path.clone(),
            pid: plan.pid,
            process: plan.process_name(),
            threads: plan.threads.iter().map(thread).collect(),
            names: 0,
            state: plan.state,
            ending: plan.ending,
            lost: plan.recording.lost,
            forgotten_threads: plan.recording.forgotten.threads,
            forgotten_events: plan.recording.forgotten.events,
            forgotten_tasks: plan.recording.forgotten.tasks,
            switched: plan.recording.switched,
            unnamed: plan.recording.unnamed,
            unmatched: plan.recording.unmatched,
            gaps: plan.recording.gaps,
            failure: plan.recording.failure,
            problems: plan.problems.clone(),
            state_word: plan.state_word().to_owned(),
            ending_word: plan.ending_word().into_owned(),
            damaged_before: plan.account().map_or(0, |earlier| earlier.damaged),
            account,
        }
    }

    /// Parts that could not be read, now or when an input that is a report was made.
    pub(crate) fn damaged(&self) -> u64 {
        self.problems.count.saturating_add(self.damaged_before)
    }

    /// The sum of one number over the threads.
    pub fn sum(&self, number: impl Fn(&ThreadSummary) -> u64) -> u64 {
        self.threads.iter().map(number).fold(0, u64::saturating_add)
    }

    /// Older events that were overwritten, of all threads, including forgotten ones.
    pub fn overwritten(&self) -> u64 {
        self.sum(|thread| thread.overwritten).saturating_add(self.forgotten_events)
    }

    /// Events that were lost because the file had no space, of all threads.
    pub fn lost(&self) -> u64 {
        self.sum(|thread| thread.lost).saturating_add(self.lost)
    }
}

#[cfg(test)]
impl FileSummary {
    /// A sealed file of a process that exited, with one thread of which one call is unfinished; nothing is missing.
    pub(crate) fn sample() -> FileSummary {
        FileSummary {
            path: "temp_dir/result_7.bin".into(),
            pid: 7,
            process: "MainProcess".into(),
            names: 2,
            threads: vec![ThreadSummary { events: 10, unfinished: 1, ..ThreadSummary::default() }],
            state: State::Sealed,
            ending: Ending::Exited,
            lost: 0,
            forgotten_threads: 0,
            forgotten_events: 0,
            forgotten_tasks: 0,
            switched: false,
            unnamed: 0,
            unmatched: 0,
            gaps: 0,
            failure: 0,
            problems: Problems::default(),
            state_word: "sealed".into(),
            ending_word: "exited".into(),
            damaged_before: 0,
            account: Account::default(),
        }
    }
}
