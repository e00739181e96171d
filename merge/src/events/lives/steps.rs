//! What the lives of a file need to know of one part: the steps of its tasks, in the order of time.

use crate::events::decode::{EventMembers, Payload};
use crate::events::timeline::{Call, StackEvent};
use std::collections::HashMap;
use viztracer_format::record::Kind;

/// A step of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A call begins that may be a piece of a coroutine.
    Begin(Piece),
    /// A call ends, of this kind and at this time.
    End(Piece, Kind, u64),
    /// Something else happens in the task.
    Other(u32),
}

/// A call in a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub thread: usize,
    pub task: u32,
    pub function: u32,
    pub start: u64,
    /// How many calls of the task are around it.
    pub depth: u32,
}

/// A call in a task that cannot be a piece of a longer one. It is of interest if its function is a coroutine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Single {
    /// The function's id.
    pub function: u32,
    /// Nanoseconds that it took.
    pub duration: u64,
    /// How it ended.
    pub kind: Kind,
}

/// The steps of the tasks of one part.
#[derive(Debug, Default)]
pub struct Steps {
    pub(super) steps: Vec<Step>,
    pub(super) singles: Vec<Single>,
    /// When the last event ended, of tasks or not.
    pub(super) last: u64,
    /// Since when the events of each thread are complete, in nanoseconds. Threads that are not named always are.
    pub(super) complete_since: HashMap<usize, u64>,
}

/// Gathers the steps of one part from its stack events.
#[derive(Debug, Default)]
pub struct StepRecorder {
    steps: Steps,
    tasks: HashMap<u32, TaskHere>,
}

/// A task in this part.
#[derive(Debug, Default)]
struct TaskHere {
    /// What is known of the open calls of the task, outermost first.
    open: Vec<OpenHere>,
    /// Whether nothing but calls that begin may have come since the slice began.
    is_leading: bool,
    /// Whether the last step already says that something else happened.
    is_quiet: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OpenHere {
    /// The call began in an earlier part.
    Earlier,
    /// Its begin is a step.
    Step,
    /// Its begin is no step.
    Other,
}

impl StepRecorder {
    /// Says since when the events of a thread are complete.
    pub fn complete_since(&mut self, thread: usize, time: u64) {
        self.steps.complete_since.insert(thread, time);
    }

    /// Takes the next stack event. `open` are the open calls of the thread, as with every stack event.
    #[inline]
    pub fn take(&mut self, event: &StackEvent<'_>, open: &[Call]) {
        match event {
            StackEvent::Begin(call) if call.task != 0 => self.begin(call, open),
            StackEvent::End(call, payload) => {
                self.steps.last = self.steps.last.max(call.end);
                if call.task != 0 {
                    self.end(call, payload.as_ref().copied());
                }
            }
            StackEvent::Begin(_) | StackEvent::Instant(_) => {}
        }
    }

    /// The steps of the part.
    pub fn finish(self) -> Steps {
        self.steps
    }

    fn begin(&mut self, call: &Call, open: &[Call]) {
        let is_root = call.depth == 0;
        if is_root && let Some(around) = open.iter().rev().nth(1).filter(|around| around.task != 0) {
            // An eager task begins inside of another one.
            self.other(around.task);
        }
        let here = self.tasks.entry(call.task).or_insert_with(|| TaskHere { is_leading: true, ..TaskHere::default() });
        here.open.resize(call.depth as usize, OpenHere::Earlier);
        here.is_leading |= is_root;
        let is_step = here.is_leading || call.kind == Kind::Yield;
        here.open.push(if is_step { OpenHere::Step } else { OpenHere::Other });
        if is_step && !call.is_overwritten() {
            here.is_quiet = false;
            self.steps.steps.push(Step::Begin(Piece::of(call)));
        } else {
            self.other(call.task);
        }
    }

    fn end(&mut self, call: &Call, payload: Option<&Payload<'_>>) {
        let here = self.tasks.entry(call.task).or_default();
        here.open.truncate(call.depth as usize + 1);
        let known = if here.open.len() == call.depth as usize + 1 { here.open.pop() } else { None };
        let kind = match payload {
            Some(Payload::Members(members)) => EventMembers::ending(members).unwrap_or(call.kind),
            _ => call.kind,
        };
        match known.unwrap_or(OpenHere::Earlier) {
            _ if call.is_overwritten() => self.other(call.task),
            OpenHere::Other => {
                self.steps.singles.push(Single::of(call, kind));
                self.other(call.task);
            }
            OpenHere::Earlier | OpenHere::Step => {
                (here.is_leading, here.is_quiet) = (false, false);
                self.steps.steps.push(Step::End(Piece::of(call), kind, call.end));
            }
        }
    }

    fn other(&mut self, task: u32) {
        let here = self.tasks.entry(task).or_default();
        here.is_leading = false;
        if !std::mem::replace(&mut here.is_quiet, true) {
            self.steps.steps.push(Step::Other(task));
        }
    }
}

impl Steps {
    /// Takes the calls that cannot be pieces of longer ones.
    pub fn take_singles(&mut self) -> Vec<Single> {
        std::mem::take(&mut self.singles)
    }
}

impl Single {
    fn of(call: &Call, kind: Kind) -> Single {
        Single { function: call.function, duration: call.end.saturating_sub(call.start), kind }
    }
}

impl Piece {
    fn of(call: &Call) -> Piece {
        let Call { thread, task, function, start, depth, .. } = *call;
        Piece { thread, task, function, start, depth }
    }
}
