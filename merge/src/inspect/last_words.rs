//! What the threads of a process were doing when it died, or are doing now: their open calls, and the last ones that
//! ended.

mod innermost;
mod text;
mod walk;

pub(crate) use innermost::innermost;
pub(crate) use text::{Others, write};

use crate::align::Clock;
use crate::error::Problems;
use crate::events::content::Content;
use crate::plan::file::FilePlan;
use crate::text::display::{UNKNOWN_FUNCTION, function_name};
use crate::text::when;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use viztracer_format::record::Kind;
use walk::Walk;

/// Calls that are kept of each thread.
const CALLS_MAX: usize = 20;

/// The last words of one process.
#[derive(Debug, Default)]
pub(crate) struct LastWords {
    /// Realtime of its last record, in ns since 1970.
    pub last_record: u64,
    /// Its threads that had not ended, the main one first.
    pub threads: Vec<ThreadWords>,
    /// How many others it had.
    pub ended: usize,
    /// What could not be read.
    pub problems: Problems,
    functions: Functions,
}

/// The last words of one thread.
#[derive(Debug, Default)]
pub(crate) struct ThreadWords {
    pub name: String,
    pub tid: u64,
    /// Outermost first.
    pub open: Vec<OpenCall>,
    /// Newest last.
    pub calls: VecDeque<EndedCall>,
}

/// A call that had not ended, and for how many ns it had been open at the last moment known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenCall {
    pub function: u32,
    pub duration: u64,
    pub inherited: bool,
}

/// A call that had ended so many ns before the last moment known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EndedCall {
    pub function: u32,
    pub duration: u64,
    pub before: u64,
    pub kind: Kind,
}

impl LastWords {
    /// The last words of a process that did not end in order.
    pub fn of(plan: &FilePlan, clock: &Clock) -> LastWords {
        let mut words = LastWords { last_record: clock.last_realtime(plan), ..LastWords::default() };
        let end = words.last_moment(plan, clock);
        let mut threads = words.threads_alive(plan);
        for frame in &plan.frames {
            if let Some(thread) = threads.get_mut(&frame.thread) {
                let (start, _) = clock.span(frame.start, 0);
                let (function, duration) = (frame.function, end.saturating_sub(start));
                thread.open.push(OpenCall { function, duration, inherited: frame.inherited });
            }
        }
        match Content::of(plan) {
            Ok(content) => {
                let problems = std::mem::take(&mut words.problems);
                let mut walk = Walk { plan, clock, end, threads: &mut threads, problems };
                match &content {
                    Content::Ring(input) => walk.back(input),
                    Content::Chrome(imported) => walk.back_through(imported),
                }
                words.problems = walk.problems;
                words.functions = Functions::read(&content, plan, &functions_of(threads.values()));
            }
            Err(problem) => words.problems.add(problem),
        }
        words.threads = threads.into_values().collect();
        words.threads.sort_by_key(|thread| thread.tid != u64::from(plan.header.identity.pid));
        words
    }

    /// The last moment known, in ns of the report: that of the last record, or now where the process still runs.
    fn last_moment(&self, plan: &FilePlan, clock: &Clock) -> u64 {
        let (end, _) = clock.span(plan.last_moment, 0);
        match plan.is_running() {
            true => end.saturating_add(when::now().saturating_sub(self.last_record)),
            false => end,
        }
    }

    fn threads_alive(&mut self, plan: &FilePlan) -> BTreeMap<u32, ThreadWords> {
        let open: HashSet<u32> = plan.frames.iter().map(|frame| frame.thread).collect();
        let alive = plan.threads.iter().filter(|thread| thread.ended == 0 || open.contains(&thread.serial));
        let words = |name, tid| ThreadWords { name, tid, ..ThreadWords::default() };
        let alive: BTreeMap<_, _> =
            alive.map(|thread| (thread.serial, words(thread.display_name(), thread.tid))).collect();
        self.ended = plan.threads.len() - alive.len();
        alive
    }

    /// What a function is called.
    pub fn function(&self, id: u32) -> &str {
        self.functions.get(id).map_or(UNKNOWN_FUNCTION, |function| &function.whole)
    }
}

fn functions_of<'a>(threads: impl Iterator<Item = &'a ThreadWords>) -> HashSet<u32> {
    let of_thread = |thread: &'a ThreadWords| {
        let open = thread.open.iter().map(|call| call.function);
        open.chain(thread.calls.iter().map(|call| call.function))
    };
    threads.flat_map(of_thread).collect()
}

/// What some functions are called.
#[derive(Debug, Default)]
struct Functions(HashMap<u32, Name>);

/// A function's name as in reports, and with the last part of its file's path only.
#[derive(Debug)]
struct Name {
    whole: String,
    brief: String,
    is_c: bool,
}

impl Functions {
    fn read(content: &Content, plan: &FilePlan, wanted: &HashSet<u32>) -> Functions {
        let mut functions = Functions::default();
        content.functions(plan, |id, function| {
            if wanted.contains(&id) {
                let name = |file: &str| match file {
                    "" => function.name.to_owned(),
                    file => function_name(function.name, file, function.line),
                };
                let brief = name(function.file.rsplit('/').next().unwrap_or_default());
                functions.0.insert(id, Name { whole: name(function.file), brief, is_c: function.is_c });
            }
        });
        functions
    }

    fn get(&self, id: u32) -> Option<&Name> {
        self.0.get(&id)
    }
}

#[cfg(test)]
mod tests;
