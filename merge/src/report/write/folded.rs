//! Collapsed stacks, as flame graph tools read them: a line for each stack, and the ns spent in its innermost function.
//!
//! ```text
//! MainProcess (4711);MainThread (4711);<module> (/x/prog.py:1);fib (/x/prog.py:3) 1250000
//! ```
//!
//! A stack's own time is that of its calls without that of the calls they made, which may be recorded in another part:
//! so each call adds its time to its own stack and takes it from the one around it, in whatever order they come.
//!
//! ```text
//! stack events --> stacks of a part --append--> of all parts --if they are too many--> a sorted run in a file
//!                                                     \-------- merged with the sorted runs --------> lines
//! ```
//!
//! What is in memory is bounded, whatever the trace holds. So is a line: [`FRAMES_MAX`].

mod runs;
mod stacks;

use super::part::Reader;
use super::spool::Spool;
use super::text::Text;
use super::writer::{Report, ReportEnd, Tail, Writer};
use crate::error::MergeError;
use crate::events::decode::Outcome;
use crate::events::timeline::{Call, OVERWRITTEN, OpenCalls, StackEvent};
use crate::parallel::lock::lock;
use crate::plan::file::FilePlan;
use crate::storage::output::Output;
use crate::text::display::{OVERWRITTEN_CALLS, UNKNOWN_FUNCTION, display_name, printable};
use runs::{Lines, SortedRun};
use stacks::{OUTSIDE, Stacks};
use std::collections::HashMap;
use std::sync::Mutex;
use viztracer_format::names::Function;

/// Functions in a line. All lines of a recursion together are as long as its depth squared: 50,000 levels would be
/// 50 GB. All calls below are one frame.
pub const FRAMES_MAX: usize = 2048;
/// The frame of what is called below.
const DEEPER: &str = "[deeper]";
/// Stacks in memory: each takes some 60 bytes.
const STACKS_MAX: usize = 1 << 20;

/// Writes collapsed stacks.
#[derive(Debug)]
pub struct Folded {
    spool: Spool,
    stacks_max: usize,
    collected: Mutex<CollectedStacks>,
}

/// The stacks of all parts so far.
#[derive(Debug, Default)]
struct CollectedStacks {
    stacks: Stacks,
    /// Sorted runs of stacks that did not fit into memory.
    runs: Vec<SortedRun>,
}

/// The frames of one file as they stand in a line.
#[derive(Debug)]
pub struct FileFrames {
    /// The frames of the process and of each thread.
    threads: Vec<[String; 2]>,
    functions: HashMap<u32, String>,
}

impl Folded {
    /// Makes the writer of this report.
    pub fn new(output: &Output) -> Folded {
        Folded { spool: Spool::beside(output), stacks_max: STACKS_MAX, collected: Mutex::default() }
    }
}

impl Writer for Folded {
    type File = FileFrames;
    const NESTED: bool = true;

    fn file(&self, plan: &FilePlan) -> FileFrames {
        let process = frame(&format!("{} ({})", plan.process_name(), plan.pid));
        let thread = |name: String, tid| [process.clone(), frame(&format!("{name} ({tid})"))];
        let threads = plan.threads.iter().map(|of| thread(of.display_name(), of.tid)).collect();
        let functions = HashMap::from([(OVERWRITTEN, OVERWRITTEN_CALLS.to_owned())]);
        FileFrames { threads, functions }
    }

    fn function(&self, file: &mut FileFrames, id: u32, function: &Function<'_>) {
        file.functions.insert(id, frame(&display_name(function)));
    }

    fn begin(&self, _: &Report<'_>, _: &mut Text) {}

    fn part(&self, reader: &mut Reader<'_>, file: &FileFrames, _: &mut Text) -> Outcome {
        let mut counter =
            StackCounter { file, stacks: Stacks::default(), open: OpenCalls::default(), too_deep: HashMap::new() };
        let mut outcome = reader.stack_events(|event, open| counter.take(event, open));
        for (thread, calls) in counter.too_deep {
            outcome.thread(thread).too_deep += calls;
        }
        let mut collected = lock(&self.collected);
        collected.stacks.append(&counter.stacks);
        if collected.stacks.len() > self.stacks_max {
            collected.spill(&self.spool);
        }
        outcome
    }

    fn end(&self, end: &ReportEnd<'_>, tail: &mut Tail<'_>) -> Result<(), MergeError> {
        let mut collected = lock(&self.collected);
        let runs = std::mem::take(&mut collected.runs);
        let mut lines = Lines::new(&collected.stacks, runs, &self.spool)?;
        while lines.next(&mut tail.text)? {
            end.flush_if_large(tail)?;
        }
        Ok(())
    }
}

impl CollectedStacks {
    /// Moves the stacks into a sorted run in the spool. Their names stay in memory.
    fn spill(&mut self, spool: &Spool) {
        self.runs.push(SortedRun::of(&self.stacks, spool));
        self.stacks.clear();
    }
}

/// A name without the characters that separate frames and lines.
fn frame(name: &str) -> String {
    printable(name).replace(';', "_")
}

/// Counts the time of the stacks of a part.
struct StackCounter<'a> {
    file: &'a FileFrames,
    stacks: Stacks,
    /// The stacks of the open calls.
    open: OpenCalls<u32>,
    /// Calls below [`FRAMES_MAX`] others, by thread.
    too_deep: HashMap<usize, u64>,
}

impl StackCounter<'_> {
    fn take(&mut self, event: StackEvent<'_>, open: &[Call]) {
        let (file, stacks) = (self.file, &mut self.stacks);
        let enter = |call: &Call, around: &[u32]| stack(file, stacks, call, around);
        match event {
            StackEvent::Begin(call) => self.open.begin(call, open, enter),
            StackEvent::End(call, _) => {
                let Some(stack) = self.open.end(call, open, enter) else { return };
                if open.len() >= FRAMES_MAX && !call.is_overwritten() {
                    *self.too_deep.entry(call.thread).or_default() += 1;
                }
                // Those inside of a call that is too deep are a part of it.
                if open.len() <= FRAMES_MAX {
                    self.stacks.spend(stack, call.end.saturating_sub(call.start), !open.is_empty());
                }
            }
            StackEvent::Instant(_) => {}
        }
    }
}

/// The stack of a call, inside those of the calls around it.
fn stack(file: &FileFrames, stacks: &mut Stacks, call: &Call, around: &[u32]) -> u32 {
    // What a task does stands on the thread that runs it, below the event loop.
    let outer = match around.last() {
        Some(stack) => *stack,
        None => {
            let [process, thread] = file.threads.get(call.thread).map_or(["?", "?"], |of| of.each_ref().map(|n| &**n));
            let process = stacks.of(OUTSIDE, process);
            stacks.of(process, thread)
        }
    };
    if around.len() > FRAMES_MAX {
        return outer;
    }
    let name = file.functions.get(&call.function).map_or(UNKNOWN_FUNCTION, |name| name);
    stacks.of(outer, if around.len() == FRAMES_MAX { DEEPER } else { name })
}

#[cfg(test)]
mod tests;
