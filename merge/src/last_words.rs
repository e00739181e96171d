//! What the threads of a process were doing when it died, or are doing now: their open calls, and the last ones that
//! ended. Segments are read from the newest back, and only those that can hold one of the calls still missing.

mod innermost;
mod text;

pub use innermost::Innermost;
pub(crate) use innermost::innermost;
pub(crate) use text::{Others, quoted, write};

use crate::align::Clock;
use crate::error::Problems;
use crate::input::{Input, State, Unread};
use crate::names;
use crate::survey::{Calls, FilePlan};
use crate::when;
use crate::write::{json::function_name, reopen};
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use viztracer_format::reader::Segment;
use viztracer_format::record::{Kind, RECORD_SIZE};

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
        let mut words = LastWords { last_record: realtime(plan, clock), ..LastWords::default() };
        let end = words.last_moment(plan, clock);
        let mut threads = words.threads_alive(plan);
        for frame in &plan.frames {
            if let Some(thread) = threads.get_mut(&frame.thread) {
                let (start, _) = clock.span(frame.start, 0);
                let (function, duration) = (frame.function, end.saturating_sub(start));
                thread.open.push(OpenCall { function, duration, inherited: frame.inherited });
            }
        }
        match reopen(plan) {
            Ok(input) => {
                let problems = std::mem::take(&mut words.problems);
                let mut walk = Walk { plan, input: &input, clock, end, threads: &mut threads, problems };
                walk.back();
                words.problems = walk.problems;
                words.functions = Functions::read(&input, &plan.names, &functions_of(threads.values()));
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
        match plan.state {
            State::Living => end.saturating_add(when::now().saturating_sub(self.last_record)),
            State::Sealed | State::Crashed => end,
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
        self.functions.get(id).map_or("unknown function", |function| &function.whole)
    }
}

/// Realtime of the file's last moment, by the newest of its anchors.
fn realtime(plan: &FilePlan, clock: &Clock) -> u64 {
    let Some(anchor) = plan.anchors.last() else { return 0 };
    let (_, since) = clock.span(anchor.ticks, plan.last_moment.saturating_sub(anchor.ticks));
    anchor.realtime.saturating_add(since)
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
    fn read(input: &Input, segments: &[u32], wanted: &HashSet<u32>) -> Functions {
        let mut functions = Functions::default();
        names::functions(input, segments, |id, function| {
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

/// The way back through a file's segments.
struct Walk<'a> {
    plan: &'a FilePlan,
    input: &'a Input,
    clock: &'a Clock,
    end: u64,
    threads: &'a mut BTreeMap<u32, ThreadWords>,
    problems: Problems,
}

impl Walk<'_> {
    fn back(&mut self) {
        let mut missing: HashSet<u32> = self.threads.keys().copied().collect();
        let mut buffer = Vec::new();
        for (place, calls) in self.plan.calls.iter().enumerate().rev() {
            if missing.is_empty() {
                break;
            }
            if !missing.contains(&calls.thread) && !self.changed_hands(calls) {
                continue;
            }
            match self.input.read(calls.index, calls.generation, calls.committed as usize, &mut buffer) {
                Ok((segment, body)) => {
                    self.add(place as u32, &segment, body);
                    let threads = &*self.threads;
                    missing.retain(|serial| threads.get(serial).is_some_and(|words| words.calls.len() < CALLS_MAX));
                    if segment.first_event == 0 {
                        missing.remove(&segment.thread);
                    }
                }
                Err(Unread::Damaged(problem)) => self.problems.add(problem),
                Err(Unread::Recycled) => {}
            }
        }
    }

    /// Whether a segment holds events of other threads than the one it was opened for. Nearly all hold nothing but
    /// one record for each event of one thread, which tells without a look.
    fn changed_hands(&self, calls: &Calls) -> bool {
        let others = calls.events as usize * RECORD_SIZE < calls.committed as usize;
        others && matches!(self.input.segment(calls.index), Ok(Some(segment)) if segment.handovers > 0)
    }

    /// Puts the newest calls of a segment before those that were found in newer ones.
    fn add(&mut self, place: u32, segment: &Segment, body: &[u8]) {
        let mut skip = self.plan.skips.get(&place).cloned().unwrap_or_default();
        let mut found: HashMap<u32, VecDeque<EndedCall>> = HashMap::new();
        for event in segment.events(body) {
            let skipped = skip.iter_mut().find(|(thread, left)| *thread == event.thread && *left > 0);
            if skipped.map(|(_, left)| *left -= 1).is_some() || !has_ended(event.kind) {
                continue;
            }
            let Some(words) = self.threads.get(&event.thread) else { continue };
            let room = CALLS_MAX.saturating_sub(words.calls.len());
            let (start, duration) = self.clock.span(event.start, event.duration);
            if room == 0 || duration < self.plan.header.identity.min_duration {
                continue;
            }
            let calls = found.entry(event.thread).or_default();
            if calls.len() == room {
                calls.pop_front();
            }
            let before = self.end.saturating_sub(start.saturating_add(duration));
            calls.push_back(EndedCall { function: event.function, duration, before, kind: event.kind });
        }
        for (thread, mut calls) in found {
            if let Some(words) = self.threads.get_mut(&thread) {
                calls.append(&mut words.calls);
                words.calls = calls;
            }
        }
    }
}

fn has_ended(kind: Kind) -> bool {
    matches!(kind, Kind::Return | Kind::Yield | Kind::Raise | Kind::Abandoned)
}

#[cfg(test)]
mod tests;
