//! Collapsed stacks, as flame graph tools read them: a line for each stack, and the ns spent in its innermost function.
//!
//! ```text
//! MainProcess (4711);MainThread (4711);<module> (/x/prog.py:1);fib (/x/prog.py:3) 1250000
//! ```
//!
//! A stack's own time is that of its calls without that of the calls they made, which may be recorded in another part:
//! so each call adds its time to its own stack and takes it from the one around it, in whatever order they come.

use super::part::Reader;
use super::text::Text;
use super::{Report, Tail, Writer};
use crate::decode::Outcome;
use crate::display::{UNKNOWN_FUNCTION, display_name, printable};
use crate::error::MergeError;
use crate::lock::lock;
use crate::plan::FilePlan;
use crate::progress::Watch;
use crate::summary::Summary;
use crate::timeline::{Call, OpenCalls, Step};
use std::collections::{BTreeSet, HashMap};
use std::sync::Mutex;
use viztracer_format::names::Function;

/// Writes them.
#[derive(Debug, Default)]
pub struct Folded {
    stacks: Mutex<Stacks>,
}

/// The frames of one file as they stand in a line.
#[derive(Debug)]
pub struct FileFrames {
    /// Process and thread, by the thread's place.
    threads: Vec<String>,
    functions: HashMap<u32, String>,
}

impl Writer for Folded {
    type File = FileFrames;
    const NESTED: bool = true;

    fn file(&self, plan: &FilePlan) -> FileFrames {
        let process = frame(&format!("{} ({})", plan.process_name(), plan.pid));
        let thread = |name: String, tid| format!("{process};{}", frame(&format!("{name} ({tid})")));
        let threads = plan.threads.iter().map(|of| thread(of.display_name(), of.tid)).collect();
        FileFrames { threads, functions: HashMap::new() }
    }

    fn function(&self, file: &mut FileFrames, id: u32, function: &Function<'_>) {
        file.functions.insert(id, frame(&display_name(function)));
    }

    fn begin(&self, _: &Report<'_>, _: &mut Text) {}

    fn part(&self, reader: &mut Reader<'_>, file: &FileFrames, _: &mut Text) -> Outcome {
        let frames = Frames { file, stacks: Stacks::default() };
        let mut walk = Walk { frames, open: OpenCalls::default() };
        let outcome = reader.steps(|step, open| walk.take(step, open));
        lock(&self.stacks).append(&walk.frames.stacks);
        outcome
    }

    fn end(
        &self,
        _: &Report<'_>,
        _: &[BTreeSet<u32>],
        _: &Summary,
        _: &dyn Watch,
        tail: &mut Tail<'_>,
    ) -> Result<(), MergeError> {
        for (stack, own) in lock(&self.stacks).lines() {
            tail.text.put(format!("{stack} {own}\n").as_bytes());
            tail.flush_if_large()?;
        }
        Ok(())
    }
}

/// A name without what separates frames and lines.
fn frame(name: &str) -> String {
    printable(name).replace(';', "_")
}

/// Follows the steps of a part.
struct Walk<'a> {
    frames: Frames<'a>,
    /// The stacks of the open calls.
    open: OpenCalls<u32>,
}

impl Walk<'_> {
    fn take(&mut self, step: Step<'_>, open: &[Call]) {
        let enter = |call: &Call, around: &[u32]| self.frames.stack(call, around);
        match step {
            Step::Begin(call) => self.open.begin(call, open, enter),
            Step::End(call, _) => {
                if let Some(stack) = self.open.end(call, open, enter) {
                    self.frames.stacks.spend(stack, call.end.saturating_sub(call.start));
                }
            }
            Step::Moment(_) => {}
        }
    }
}

struct Frames<'a> {
    file: &'a FileFrames,
    stacks: Stacks,
}

impl Frames<'_> {
    /// The stack of a call, inside those of the calls around it.
    fn stack(&mut self, call: &Call, around: &[u32]) -> u32 {
        // What a task does stands on the thread that runs it, below the event loop.
        let outer = match around.last() {
            Some(stack) => *stack,
            None => self.stacks.of(OUTSIDE, self.file.threads.get(call.thread).map_or("?", |name| name)),
        };
        let name = self.file.functions.get(&call.function).map_or(UNKNOWN_FUNCTION, |name| name);
        self.stacks.of(outer, name)
    }
}

/// Stands for no stack.
const OUTSIDE: u32 = u32::MAX;

/// A tree of stacks.
#[derive(Debug, Default)]
struct Stacks {
    names: HashMap<String, u32>,
    nodes: Vec<Node>,
    places: HashMap<(u32, u32), u32>,
}

#[derive(Debug)]
struct Node {
    outer: u32,
    name: u32,
    own: i128,
}

impl Stacks {
    /// The stack of this frame inside another one.
    fn of(&mut self, outer: u32, frame: &str) -> u32 {
        let name = match self.names.get(frame) {
            Some(name) => *name,
            None => {
                let name = self.names.len() as u32;
                self.names.insert(frame.to_owned(), name);
                name
            }
        };
        *self.places.entry((outer, name)).or_insert_with(|| {
            self.nodes.push(Node { outer, name, own: 0 });
            self.nodes.len() as u32 - 1
        })
    }

    /// A call with this stack has taken so long.
    fn spend(&mut self, stack: u32, time: u64) {
        let Some(node) = self.nodes.get_mut(stack as usize) else { return };
        node.own += i128::from(time);
        let outer = node.outer;
        if let Some(around) = self.nodes.get_mut(outer as usize).filter(|around| around.outer != OUTSIDE) {
            around.own -= i128::from(time);
        }
    }

    fn append(&mut self, other: &Stacks) {
        let mut names = vec![""; other.names.len()];
        other.names.iter().for_each(|(name, place)| names[*place as usize] = name);
        let mut here = Vec::with_capacity(other.nodes.len());
        for node in &other.nodes {
            let outer = here.get(node.outer as usize).copied().unwrap_or(OUTSIDE);
            let stack = self.of(outer, names[node.name as usize]);
            self.nodes[stack as usize].own += node.own;
            here.push(stack);
        }
    }

    /// Every stack with a time of its own, sorted.
    fn lines(&self) -> Vec<(String, i128)> {
        let mut names = vec![""; self.names.len()];
        self.names.iter().for_each(|(name, place)| names[*place as usize] = name);
        let mut stacks: Vec<String> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let name = names[node.name as usize];
            stacks.push(match stacks.get(node.outer as usize) {
                Some(outer) => format!("{outer};{name}"),
                None => name.to_owned(),
            });
        }
        let mut lines: Vec<_> = stacks
            .into_iter()
            .zip(&self.nodes)
            .filter(|(_, node)| node.own > 0)
            .map(|(s, node)| (s, node.own))
            .collect();
        lines.sort();
        lines
    }
}
