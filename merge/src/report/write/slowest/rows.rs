//! The slowest calls with the names of what they belong to.

use crate::events::decode::{CALL_MARKS, MARK_ABANDONED, MARK_CLIPPED, MARK_INHERITED};
use crate::report::functions::{InternedFunction, InternedFunctions};
use crate::report::slowest::{By, Matched, SlowCall};
use crate::report::summary::Summary;
use crate::report::write::writer::{Report, ReportEnd, task_names};
use crate::text::display::how;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use viztracer_format::record::Kind;

/// What is printed.
pub struct Rows<'a> {
    pub by: By,
    pub rows: Vec<Row<'a>>,
    /// How many calls match.
    pub calls: u64,
    /// Of how many functions.
    pub functions: usize,
    /// How many of the calls never ended.
    pub unfinished: u64,
    pub summary: &'a Summary,
    /// Says of which functions not all calls are recorded.
    pub elided: Vec<String>,
}

/// A call. Times are in nanoseconds of the report.
#[derive(Default)]
pub struct Row<'a> {
    /// `None`: its name is not known.
    pub function: Option<&'a InternedFunction>,
    pub start: u64,
    pub duration: u64,
    pub own: u64,
    pub pid: u32,
    pub process: String,
    pub tid: u64,
    pub thread: String,
    pub task: Option<String>,
    /// How it ended, in a word.
    pub how: &'static str,
    /// Whether the call never ended, so that the times are the least that it took.
    pub is_least: bool,
    /// Whether only a part of it is selected.
    pub is_clipped: bool,
    /// Whether it began in the parent process.
    pub is_inherited: bool,
    pub arguments: Map<String, Value>,
}

impl<'a> Rows<'a> {
    /// Of these calls, which are in order.
    pub fn new(
        by: By,
        calls: &[SlowCall],
        matched: &Matched,
        interned: &'a InternedFunctions,
        end: &ReportEnd<'a>,
    ) -> Rows<'a> {
        let tasks = tasks(calls, end.report);
        Rows {
            by,
            rows: calls.iter().map(|call| Row::new(call, interned, end.report, &tasks)).collect(),
            calls: matched.calls,
            functions: matched.functions.len(),
            unfinished: matched.unfinished,
            summary: end.summary,
            elided: end.summary.elided(),
        }
    }

    /// How many calls match and have no row.
    pub fn more(&self) -> u64 {
        self.calls.saturating_sub(self.rows.len() as u64)
    }
}

/// By file, the names of tasks.
type TaskNames = BTreeMap<usize, BTreeMap<u32, String>>;

impl<'a> Row<'a> {
    fn new(slow: &SlowCall, interned: &'a InternedFunctions, report: &Report<'_>, tasks: &TaskNames) -> Row<'a> {
        let SlowCall { rank, call, function, own, ref arguments } = *slow;
        let plan = report.files.get(rank.file);
        let thread = plan.and_then(|plan| plan.threads.get(call.thread));
        let is_marked = |mark: &str| arguments.get(mark) == Some(&Value::Bool(true));
        let is_mark = |name: &str| CALL_MARKS.contains(&name) && is_marked(name);
        let own_arguments = arguments.iter().filter(|(name, _)| !is_mark(name));
        let kind = if is_marked(MARK_ABANDONED) { Kind::Abandoned } else { call.kind };
        Row {
            function: interned.get(function),
            start: call.start,
            duration: call.end.saturating_sub(call.start),
            own,
            pid: plan.map_or(0, |plan| plan.pid),
            process: plan.map(|plan| plan.process_name()).unwrap_or_default(),
            tid: thread.map_or(0, |thread| thread.tid),
            thread: thread.map(|thread| thread.display_name()).unwrap_or_default(),
            task: tasks.get(&rank.file).and_then(|names| names.get(&call.task)).cloned(),
            how: how(kind),
            is_least: kind == Kind::Open,
            is_clipped: call.is_clipped || is_marked(MARK_CLIPPED),
            is_inherited: call.is_inherited || is_marked(MARK_INHERITED),
            arguments: own_arguments.map(|(name, value)| (name.clone(), value.clone())).collect(),
        }
    }
}

/// The names of the tasks of these calls.
fn tasks(calls: &[SlowCall], report: &Report<'_>) -> TaskNames {
    let mut serials: BTreeMap<usize, BTreeSet<u32>> = BTreeMap::new();
    for slow in calls.iter().filter(|slow| slow.call.task != 0) {
        serials.entry(slow.rank.file).or_default().insert(slow.call.task);
    }
    let files = serials.into_iter();
    files.filter_map(|(file, serials)| Some((file, task_names(report.files.get(file)?, &serials)))).collect()
}
