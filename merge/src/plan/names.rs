//! What the NAMES and LABELS segments of a file contain: threads and the process first, functions when they are needed.

use crate::error::Problem;
use crate::input::ring::{Input, Unread};
use crate::plan::elided::{ElidedFunction, ElidedSince, earliest};
use crate::plan::estimate::{About, Estimates};
use std::collections::{BTreeMap, HashMap};
use viztracer_format::labels;
use viztracer_format::names::{Entry, Estimate, Function, SourceIdentity};
use viztracer_format::segment::SegmentKind;

/// A thread, as far as these segments know it.
#[derive(Clone, Debug, Default)]
pub struct ThreadNames {
    /// The operating system's id; a name may stand there without it.
    pub tid: Option<u64>,
    /// Its name, if it was given one.
    pub name: Option<String>,
    /// Events in the segments that it has left behind.
    pub events: u64,
    /// Events that the file had no space for.
    pub lost: u64,
    /// Ticks at its first event.
    pub begun: u64,
    /// Ticks at its end, 0 if it lives.
    pub ended: u64,
}

/// What the process has learned of the end of a child by waiting for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChildEnd {
    /// The child.
    pub pid: u32,
    /// Its status, as waitpid(2) gives it.
    pub status: u64,
    /// When the process had waited for it, in ns of its monotonic clock.
    pub waited: u64,
}

/// The threads, the process and the ended children of a file.
#[derive(Clone, Debug, Default)]
pub struct FileNames {
    /// By serial.
    pub threads: BTreeMap<u32, ThreadNames>,
    /// The process's name.
    pub process: Option<String>,
    /// In no order.
    pub children: Vec<ChildEnd>,
    /// By function id and whether only its C calls are meant, since when in ticks calls are not recorded.
    pub elided: BTreeMap<(u32, bool), u64>,
    /// By function id, about how many calls these are.
    pub estimates: HashMap<u32, Estimate>,
    /// Whether the process had tasks of an event loop.
    pub has_tasks: bool,
}

impl FileNames {
    /// Reads the threads, the process and its children from these segments.
    pub fn read(input: &Input, segments: &[u32], bad: impl FnMut(Problem)) -> FileNames {
        let mut names = FileNames::default();
        visit(input, segments, bad, |entry| match entry {
            Entry::Thread { serial, tid, begun, events, lost, ended } => {
                let thread = names.threads.entry(serial).or_default();
                (thread.tid, thread.begun, thread.ended) = (Some(tid), begun, ended);
                // A copy of a living file has labels twice, the second time without counts.
                (thread.events, thread.lost) = (events.max(thread.events), lost.max(thread.lost));
            }
            Entry::ThreadName { serial, name } => {
                names.threads.entry(serial).or_default().name = Some(name.to_owned());
            }
            Entry::ProcessName(name) => names.process = Some(name.to_owned()),
            Entry::Child { pid, status, waited } => names.children.push(ChildEnd { pid, status, waited }),
            Entry::Elided { function, only_c_calls, ticks } => {
                let since = names.elided.entry((function, only_c_calls)).or_insert(ticks);
                *since = ticks.min(*since);
            }
            Entry::Estimate { function, estimate } => drop(names.estimates.entry(function).or_insert(estimate)),
            Entry::TaskName { .. } => names.has_tasks = true,
            Entry::Function { .. } | Entry::Source { .. } | Entry::Unknown(_) => {}
        });
        names
    }

    /// The functions of which not all calls are recorded, and since when in ticks. Those without a name are left out.
    pub fn elided(&self, input: &Input, segments: &[u32]) -> ElidedSince<u64> {
        if self.elided.is_empty() {
            return ElidedSince::new();
        }
        let mut found = HashMap::new(); // of several names of a function, the last one holds
        functions(input, segments, |id, function| {
            for key in [(id, false), (id, true)] {
                if let Some(since) = self.elided.get(&key) {
                    found.insert(key, (ElidedFunction::of(&function, key.1), *since));
                }
            }
        });
        earliest(found.into_values())
    }

    /// About how many calls of functions are not recorded.
    pub fn estimates(&self, input: &Input, segments: &[u32]) -> Estimates {
        let mut found = HashMap::new();
        if !self.estimates.is_empty() {
            functions(input, segments, |id, function| {
                let estimate = self.estimates.get(&id).filter(|_| self.elided.contains_key(&(id, false)));
                if let Some(about) = estimate.and_then(About::of) {
                    found.insert(id, (ElidedFunction::of(&function, false), about));
                }
            });
        }
        found.into_values().collect()
    }
}

/// Calls `each` with every function in these segments. Bad entries were reported when the threads were read.
pub fn functions(input: &Input, segments: &[u32], mut each: impl FnMut(u32, Function<'_>)) {
    visit(input, segments, drop, |entry| {
        if let Entry::Function { id, function } = entry {
            each(id, function);
        }
    });
}

/// Calls `each` with every path for which these segments vouch, and with what it led to.
pub fn sources(input: &Input, segments: &[u32], mut each: impl FnMut(&str, SourceIdentity)) {
    visit(input, segments, drop, |entry| {
        if let Entry::Source { path, identity } = entry {
            each(path, identity);
        }
    });
}

/// Calls `each` with every name that was given to a task; the last one for a serial holds.
pub fn tasks(input: &Input, segments: &[u32], mut each: impl FnMut(u32, &str)) {
    visit(input, segments, drop, |entry| {
        if let Entry::TaskName { serial, name } = entry {
            each(serial, name);
        }
    });
}

/// Calls `each` with every task that has a label, and with the ticks when it was first seen.
pub fn task_begins(input: &Input, segments: &[u32], mut each: impl FnMut(u32, u64)) {
    let mut buffer = Vec::new();
    for index in segments {
        if let Ok((segment, body)) = input.read_now(*index, &mut buffer)
            && segment.kind == SegmentKind::Labels
        {
            labels::task_begins(body).for_each(|(serial, begun)| each(serial, begun));
        }
    }
}

fn visit(input: &Input, segments: &[u32], mut bad: impl FnMut(Problem), mut each: impl FnMut(Entry<'_>)) {
    let mut buffer = Vec::new();
    for index in segments {
        let (segment, body) = match input.read_now(*index, &mut buffer) {
            Ok(read) => read,
            Err(Unread::Damaged(problem)) => {
                bad(problem);
                continue;
            }
            Err(Unread::Recycled) => continue,
        };
        for entry in segment.entries(body) {
            match entry {
                Ok(entry) => each(entry),
                Err(error) => bad(error.into()),
            }
        }
    }
}
