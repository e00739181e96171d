//! The lives of tasks and coroutines in a report: what the parts of a file know of them, linked in the order of parts.

use super::part::{Part, Reader};
use super::writer::{Report, WrittenPart};
use crate::align::Clock;
use crate::events::content::ring;
use crate::events::decode::Outcome;
use crate::events::lives::{Life, Linker, Single, StepRecorder, Steps, TaskBegins};
use crate::events::timeline::{Call, StackEvent};
use crate::parallel::lock::lock;
use crate::plan::file::FilePlan;
use crate::plan::names;
use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

/// Links the lives of all files. Workers add parts in any order; the one that writes follows them in order.
#[derive(Debug, Default)]
pub struct Lives {
    files: Mutex<HashMap<usize, FileLives>>,
}

/// What is known of a file that is being read.
#[derive(Debug, Default)]
struct FileLives {
    linker: Option<Linker>,
    /// Parts that are not linked yet, by number.
    waiting: BTreeMap<usize, Steps>,
}

impl Lives {
    /// Reads the stack events of a part, and takes what they tell of lives.
    pub fn stack_events(&self, reader: &mut Reader<'_>, mut each: impl FnMut(StackEvent<'_>, &[Call])) -> Outcome {
        if !(reader.plan.may_have_tasks() && are_known(reader)) {
            return reader.stack_events(each);
        }
        let mut recorder = StepRecorder::default();
        reader.complete_since().for_each(|(thread, since)| recorder.complete_since(thread, since));
        let outcome = reader.stack_events(|event, open| {
            recorder.take(&event, open);
            each(event, open);
        });
        let Part { file, number, .. } = *reader.part;
        lock(&self.files).entry(file).or_default().waiting.insert(number, recorder.finish());
        outcome
    }

    /// Links a part, the next one in order. Returns the lives that have ended, and calls in one piece.
    pub fn follow<F>(&self, written: &WrittenPart<'_, F>) -> (Vec<Life>, Vec<Single>) {
        let WrittenPart { report, part, is_last, .. } = *written;
        let mut files = lock(&self.files);
        let Some(file) = files.get_mut(&part.file) else { return Default::default() };
        let steps = file.waiting.remove(&part.number).unwrap_or_default();
        let linker = file.linker.get_or_insert_with(|| Linker::new(begins(report, part.file)));
        let (mut lives, singles) = linker.follow(steps);
        if is_last && let Some(linker) = files.remove(&part.file).and_then(|file| file.linker) {
            lives.extend(linker.finish(report.files.get(part.file).is_some_and(FilePlan::tells_awaits)));
        }
        (lives, singles)
    }
}

/// Whether lives can be known: without short calls, the pieces of a coroutine cannot be linked.
pub fn are_known(reader: &Reader<'_>) -> bool {
    let drops_short_calls = reader.selection.is_some_and(|selection| selection.drops_short_calls());
    reader.plan.min_duration() == 0 && !drops_short_calls
}

/// When the tasks of a file were first seen. Only a report that lacks events needs to know it.
fn begins(report: &Report<'_>, file: usize) -> TaskBegins {
    let (Some(plan), Some(clock)) = (report.files.get(file), report.alignment.clocks.get(file)) else {
        return TaskBegins::default();
    };
    let is_incomplete = report.selected.is_some() || plan.threads.iter().any(|thread| thread.is_incomplete());
    match (is_incomplete, plan.imported()) {
        (false, _) => TaskBegins::default(),
        (true, None) => TaskBegins(of_labels(plan, clock)),
        (true, Some(_)) => {
            TaskBegins(plan.task_begins.iter().map(|(serial, begun)| (*serial, clock.at(*begun))).collect())
        }
    }
}

fn of_labels(plan: &FilePlan, clock: &Clock) -> HashMap<u32, u64> {
    let mut begins = HashMap::new();
    if let Ok(input) = ring(plan) {
        names::task_begins(&input, &plan.names, |serial, begun| {
            begins.insert(serial, clock.at(begun));
        });
    }
    begins
}
