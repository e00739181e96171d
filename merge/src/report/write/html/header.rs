//! The page's header: processes, threads, tasks, functions, and what is missing.

use super::block::Stream;
use super::served::Served;
use super::totals::PageTotals;
use crate::align::{Clock, Method, Starts};
use crate::error::MergeError;
use crate::events::selection::Selected;
use crate::plan::ending::Ending;
use crate::plan::file::FilePlan;
use crate::plan::imported::Imported;
use crate::plan::recording::Boot;
use crate::report::functions::{InternedFunction, InternedFunctions, waits};
use crate::report::loss;
use crate::report::summary::{FileSummary, Summary, ThreadSummary};
use crate::report::write::missing::Missing;
use crate::report::write::sides::Sides;
use crate::report::write::text::Text;
use crate::report::write::writer::{Report, ReportEnd, Tail, task_names};
use crate::report::{bursts, elided};
use crate::text::display;
use indexmap::IndexSet;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ptr;

/// The version of all that the page holds.
const FORMAT: u32 = 1;

/// Writes the header, with the element around it.
pub fn put(
    end: &ReportEnd<'_>,
    interned: &InternedFunctions,
    totals: &PageTotals,
    served: Option<&Served>,
    tail: &mut Tail<'_>,
) -> Result<(), MergeError> {
    let ReportEnd { report, tasks, summary, .. } = *end;
    tail.text.put(b"<script type=\"application/json\" id=\"header\">{\"format\":");
    tail.text.put_number(FORMAT.into());
    for (name, value) in [
        ("version", json!(env!("CARGO_PKG_VERSION"))),
        ("title", json!(report.sides.map_or_else(|| title(report), Sides::title))),
        ("baseRealtime", json!((summary.base_realtime != 0).then(|| summary.base_realtime.to_string()))),
        ("warnings", json!(warnings(summary))),
        // As text, since JavaScript's numbers do not hold all that is in it.
        ("metadata", json!(summary.metadata())),
    ] {
        put_member(name, &value, &mut tail.text);
    }
    if let Some(Served { detail, id, whole }) = served {
        let value = json!({
            "id": id,
            "shortest": detail.shortest,
            "calls": totals.all + totals.merged,
            "whole": whole,
        });
        put_member("served", &value, &mut tail.text);
    }
    // Tiles are of one time line.
    if let Some(starts) = report.alignment.starts.as_ref().filter(|_| served.is_none()) {
        put_member("starts", &starts_value(report, starts), &mut tail.text);
    }
    if let Some(time) = report.selected.as_ref().and_then(Selected::one_time) {
        put_member("selectedTime", &json!([time.start, time.end]), &mut tail.text);
    }
    functions(interned, tail)?;
    let categories = categories(report.files, interned);
    if !categories.is_empty() {
        column("categories", categories.iter().map(|(number, category)| json!([number, category])), tail)?;
    }
    if let Some(sides) = report.sides {
        put_member("comparison", &sides.header(interned), &mut tail.text);
    }
    tail.text.put(b",\n\"processes\":[");
    let parents = parents(report);
    let none = BTreeMap::new();
    let files = report.files.iter().zip(&report.alignment.clocks).zip(tasks).zip(&summary.files).zip(parents);
    for (index, ((((plan, clock), tasks), summary), parent)) in files.enumerate() {
        tail.text.put(if index == 0 { b"\n" } else { b",\n" });
        let missing = totals.missing.get(&index).map_or(&[][..], Vec::as_slice);
        let overwritten = totals.overwritten.get(&index);
        let label = report.sides.and_then(|sides| sides.labels.get(index));
        let process = ProcessHeader { plan, label, clock, summary, parent, missing, overwritten };
        let calls = totals.calls.get(&index).unwrap_or(&none);
        put_value(&process.value(calls, &task_names(plan, tasks)), &mut tail.text);
        tail.flush_if_large()?;
    }
    tail.text.put(b"]}</script>\n");
    Ok(())
}

/// What the page needs to let all runs begin together.
fn starts_value(report: &Report<'_>, starts: &Starts) -> Value {
    let boots: HashSet<Boot> = report.files.iter().map(|plan| plan.recording.boot).collect();
    let uncertainty = match report.alignment.method {
        Method::WallClock { uncertainty } => uncertainty,
        _ => 0,
    };
    json!({
        "shifts": starts.shifts,
        "baseRealtime": (starts.base_realtime != 0).then(|| starts.base_realtime.to_string()),
        "boots": boots.len(),
        "uncertainty": uncertainty,
    })
}

fn put_member(name: &str, value: &Value, text: &mut Text) {
    text.put(b",\n\"");
    text.put(name.as_bytes());
    text.put(b"\":");
    put_value(value, text);
}

/// JSON in which nothing looks like the end of a script.
fn put_value(value: &Value, text: &mut Text) {
    text.put(value.to_string().replace('<', "\\u003c").as_bytes());
}

/// The process that was opened first, and how many others there are. Ids say nothing of the order: they begin anew.
fn title(report: &Report<'_>) -> String {
    let first = (0..report.files.len()).min_by_key(|index| opened(report, *index)).map(|index| &report.files[index]);
    let first = first.map(|plan| format!("{} (pid {})", plan.process_name(), plan.pid)).unwrap_or_default();
    match report.files.len() {
        0 | 1 => first,
        count => format!("{first} and {} more", count - 1),
    }
}

fn warnings(summary: &Summary) -> Vec<String> {
    let bad = summary.bad.iter().map(ToString::to_string);
    let problems = summary
        .files
        .iter()
        .flat_map(|file| file.problems.first.iter().map(|problem| format!("{}: {problem}", display::path(&file.path))));
    let innermost = summary.last_words.lines.iter().cloned();
    innermost.chain(summary.warnings.iter().cloned()).chain(bad).chain(problems).collect()
}

/// Names, files and lines of all functions, column by column. A file is an index among the paths.
fn functions(interned: &InternedFunctions, tail: &mut Tail<'_>) -> Result<(), MergeError> {
    let paths: IndexSet<&str> =
        interned.iter().map(|function| &*function.file).filter(|file| !file.is_empty()).collect();
    let index = |function: &InternedFunction| json!(paths.get_index_of(&*function.file));
    column("names", interned.iter().map(|function| json!(function.name)), tail)?;
    column("paths", paths.iter().map(|path| json!(path)), tail)?;
    column("files", interned.iter().map(index), tail)?;
    column("lines", interned.iter().map(|function| json!(function.line)), tail)?;
    let waiting = interned.iter().enumerate().filter(|(_, function)| waits(&function.function()));
    column("waits", waiting.map(|(number, _)| json!(number)), tail)
}

/// The categories of functions that other programs have named, by number.
fn categories<'a>(files: &'a [FilePlan], interned: &InternedFunctions) -> BTreeMap<u32, &'a str> {
    let mut documents: Vec<&Imported> = files.iter().filter_map(FilePlan::imported).collect();
    // All processes of a document share what it says of functions.
    documents.dedup_by(|one, other| ptr::eq(*one, *other));
    let foreign = documents.into_iter().flat_map(Imported::foreign);
    foreign.filter_map(|(function, category)| Some((interned.number(&function)?, category))).collect()
}

fn column(name: &str, values: impl Iterator<Item = Value>, tail: &mut Tail<'_>) -> Result<(), MergeError> {
    tail.text.put(format!(",\n\"{name}\":").as_bytes());
    let mut separator: &[u8] = b"[";
    for value in values {
        tail.text.put(separator);
        put_value(&value, &mut tail.text);
        tail.flush_if_large()?;
        separator = b",";
    }
    tail.text.put(if separator == b"[" { b"[]" } else { b"]" });
    Ok(())
}

/// A process, its threads and tasks, and how many calls each of them has.
struct ProcessHeader<'a> {
    plan: &'a FilePlan,
    /// What stands in front of its name.
    label: Option<&'a String>,
    clock: &'a Clock,
    summary: &'a FileSummary,
    parent: Option<usize>,
    missing: &'a [Missing],
    /// By stream, begins and ends of overwritten time.
    overwritten: Option<&'a BTreeMap<Stream, Vec<u64>>>,
}

impl ProcessHeader<'_> {
    fn value(&self, calls: &BTreeMap<Stream, u64>, tasks: &BTreeMap<u32, String>) -> Value {
        let ProcessHeader { plan, summary, .. } = self;
        let stream = |(stream, calls): (&Stream, &u64)| json!([stream.thread, stream.task, calls]);
        let mut process = json!({
            "pid": plan.pid,
            "name": self.name(),
            "state": plan.state_word(),
            "ending": plan.ending_words(),
            "isEndingKnown": plan.ending != Ending::Untold,
            "isAbnormal": plan.is_abnormal(),
            "tellsItsEnd": plan.tells_its_end(),
            "waitedAfter": plan.waited_after,
            "command": plan.recording.arguments,
            "parent": self.parent,
            "threads": (0..plan.threads.len()).map(|index| self.thread(index)).collect::<Vec<_>>(),
            "tasks": tasks,
            "calls": calls.iter().map(stream).collect::<Vec<_>>(),
        });
        if plan.is_dated {
            process["opened"] = json!(self.clock.at(plan.recording.opened.ticks));
        }
        if let Some(overwritten) = self.overwritten {
            let stream = |(stream, times): (&Stream, &Vec<u64>)| json!([stream.thread, stream.task, times]);
            process["overwritten"] = overwritten.iter().map(stream).collect();
        }
        let mut losses = loss::losses(summary);
        losses.extend(elided::words(&summary.account.elided, &summary.account.estimates));
        losses.extend(bursts::words_of(&summary.account));
        if !losses.is_empty() {
            process["losses"] = json!(losses);
        }
        process
    }

    fn name(&self) -> String {
        let name = self.plan.process_name();
        self.label.map_or_else(|| name.clone(), |label| format!("{label}: {name}"))
    }

    fn thread(&self, index: usize) -> Value {
        let ThreadSummary { tid, name, overwritten, lost, .. } =
            self.summary.threads.get(index).cloned().unwrap_or_default();
        let mut thread = json!({ "tid": tid as u32, "name": name });
        for (name, number) in [("overwritten", overwritten), ("lost", lost)] {
            if number > 0 {
                thread[name] = json!(number);
            }
        }
        if self.plan.threads.get(index).is_some_and(|thread| thread.ended != 0) {
            thread["ended"] = json!(true);
        }
        if let Some(missing) = self.missing.iter().find(|missing| missing.thread == index && missing.overwritten > 0) {
            thread["gap"] =
                json!([missing.gap.start, missing.gap.end, missing.overwritten, missing.since, missing.until]);
        }
        thread
    }
}

/// The index of each process's parent: of the processes with the parent's id, the one that was opened last before it. A
/// process that began outside of the selected time has none.
fn parents(report: &Report<'_>) -> Vec<Option<usize>> {
    let opened = |index| opened(report, index);
    let mut by_pid: HashMap<u32, Vec<usize>> = HashMap::new();
    for (index, plan) in report.files.iter().enumerate().filter(|(_, plan)| plan.is_dated) {
        by_pid.entry(plan.recording.pid).or_default().push(index);
    }
    let is_shown = |index: usize| match (&report.selected, opened(index)) {
        (Some(selected), Some(time)) => selected.has(index, time),
        _ => true,
    };
    let parent = |(index, plan): (usize, &FilePlan)| {
        let parents = by_pid.get(&plan.recording.parent_pid)?.iter().copied();
        let before = parents.filter(|parent| *parent != index && opened(*parent) <= opened(index));
        before.max_by_key(|parent| opened(*parent))
    };
    let shown = |one: (usize, &FilePlan)| is_shown(one.0).then(|| parent(one)).flatten();
    report.files.iter().enumerate().map(shown).collect()
}

/// When the recording of a file was opened, in ns of the report, if that is known.
fn opened(report: &Report<'_>, index: usize) -> Option<u64> {
    let (plan, clock) = (report.files.get(index)?, report.alignment.clocks.get(index)?);
    plan.is_dated.then(|| clock.at(plan.recording.opened.ticks))
}
