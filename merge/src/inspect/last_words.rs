//! What the threads of a process were doing when it died, or are doing now: their open calls, and the last ones that
//! ended.

mod backward;
mod document;
mod functions;
mod innermost;
mod text;
mod words;

pub(crate) use document::document;
pub(crate) use innermost::innermost;
pub(crate) use text::{Others, write};
pub(crate) use words::LastWords;

use crate::align::Clock;
use crate::events::content::Content;
use crate::plan::file::FilePlan;
use crate::text::when;
use backward::BackwardReader;
use functions::FunctionNames;
use std::collections::{BTreeMap, HashSet};
use words::{OpenCall, ThreadWords};

impl LastWords {
    /// The last words of a process that did not end in order.
    pub fn of(plan: &FilePlan, clock: &Clock) -> LastWords {
        let mut words = LastWords { last_record: clock.last_realtime(plan), ..LastWords::default() };
        let end = words.end(plan, clock);
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
                let mut backward = BackwardReader { plan, clock, end, threads: &mut threads, problems };
                match &content {
                    Content::Ring(input) => backward.back(input),
                    Content::Chrome(imported) => backward.back_through(imported),
                }
                words.problems = backward.problems;
                words.functions = FunctionNames::read(&content, plan, &functions_of(threads.values()));
            }
            Err(problem) => words.problems.add(problem),
        }
        words.threads = threads.into_values().collect();
        words.threads.sort_by_key(|thread| thread.tid != u64::from(plan.recording.pid));
        words
    }

    /// The time that others count back from, in ns of the report: that of the last record, or now if the process runs.
    fn end(&self, plan: &FilePlan, clock: &Clock) -> u64 {
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
}

fn functions_of<'a>(threads: impl Iterator<Item = &'a ThreadWords>) -> HashSet<u32> {
    let of_thread = |thread: &'a ThreadWords| {
        let open = thread.open.iter().map(|call| call.function);
        open.chain(thread.calls.iter().map(|call| call.function))
    };
    threads.flat_map(of_thread).collect()
}

#[cfg(test)]
mod tests;
