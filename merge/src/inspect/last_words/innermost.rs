//! One line for each thread that died in a call. Every summary shows them for processes that crashed, were killed or
//! still run.

use super::functions::{FunctionNames, NamedFunction};
use crate::events::content::Content;
use crate::input::ring::State;
use crate::plan::ending::Ending;
use crate::plan::file::{FilePlan, Thread};
use crate::report::innermost::Innermost;
use crate::text::display::{UNKNOWN_FUNCTION, printable};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Processes, and threads of each, that get a line.
const PROCESSES_MAX: usize = 10;
const THREADS_MAX: usize = 3;

/// Makes the lines for the processes of these plans.
pub fn innermost(plans: &[FilePlan]) -> Innermost {
    let mut processes = plans.iter().filter(|plan| is_worth_a_line(plan) && !plan.frames.is_empty());
    let mut lines: Vec<String> = processes.by_ref().take(PROCESSES_MAX).flat_map(of_process).collect();
    let more = processes.count();
    if more > 0 {
        let processes = if more == 1 { "process" } else { "processes" };
        lines.push(format!("... and {more} more {processes}; --last_words shows all"));
    }
    Innermost { lines }
}

/// Whether the summary shows the process.
fn is_worth_a_line(plan: &FilePlan) -> bool {
    match plan.ending {
        Ending::Running => true,
        Ending::Untold => plan.state != State::Sealed,
        _ => plan.is_abnormal(),
    }
}

fn of_process(plan: &FilePlan) -> Vec<String> {
    let mut stacks: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for frame in &plan.frames {
        stacks.entry(frame.thread).or_default().push(frame.function);
    }
    let mut threads: Vec<_> = plan.threads.iter().filter(|thread| stacks.contains_key(&thread.serial)).collect();
    threads.sort_by_key(|thread| thread.tid != u64::from(plan.recording.pid));
    let more = threads.len().saturating_sub(THREADS_MAX);
    threads.truncate(THREADS_MAX);
    let functions = match Content::of(plan) {
        Ok(content) => FunctionNames::read(&content, plan, &stacks.values().flatten().copied().collect()),
        Err(_) => FunctionNames::default(), // the merge itself reports why the file cannot be read
    };
    let process = process(plan);
    let line = |thread: &&Thread| {
        let stack = stacks.get(&thread.serial).map(Vec::as_slice).unwrap_or_default();
        printable(&format!("{process} {} [{}]", ending_at(plan, stack, &functions), thread.display_name()))
    };
    let mut lines: Vec<String> = threads.iter().map(line).collect();
    if more > 0 {
        let threads = if more == 1 { "thread" } else { "threads" };
        lines.push(format!("... and {more} more {threads} of {process}"));
    }
    lines
}

/// `crashed by SIGSEGV in parse (app.py:31)`; of a C function also the Python function that it works for.
fn ending_at(plan: &FilePlan, stack: &[u32], functions: &FunctionNames) -> String {
    let mut known = stack.iter().rev().map(|id| functions.get(*id));
    let innermost = known.next().flatten();
    let function = innermost.map_or_else(|| UNKNOWN_FUNCTION.to_owned(), NamedFunction::brief);
    let text = format!("{} in {function}", verb(plan));
    let caller = known.flatten().find(|function| !function.is_c).filter(|_| innermost.is_some_and(|name| name.is_c));
    caller.map_or(text.clone(), |caller| format!("{text}, called by {}", caller.brief()))
}

/// `worker (pid 4712)`.
pub fn process(plan: &FilePlan) -> String {
    let pid = plan.recording.pid;
    plan.process.as_ref().map_or_else(|| format!("pid {pid}"), |name| printable(&format!("{name} (pid {pid})")))
}

fn verb(plan: &FilePlan) -> Cow<'static, str> {
    match plan.ending {
        Ending::Running if plan.is_running() => "is".into(),
        Ending::Running => "was still".into(),
        Ending::Untold => "was last seen".into(),
        ending => ending.word(),
    }
}
