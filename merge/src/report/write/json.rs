//! The Chrome trace in JSON, as VizTracer writes it and Perfetto reads it. Nothing else here knows JSON text.
//!
//! ```text
//! {"traceEvents":[
//! {"ph":"M",...},            process and thread names of all files, then their events, then the names of tasks
//! {"pid":1,"tid":1,"ts":862002664.095,"ph":"X","dur":3.184,"name":"f (/x/ev.py:7)","cat":"FEE"}
//! ],
//! "viztracer_metadata":{...},
//! "file_info":{"files":{path:[text,lines]},"functions":{name:[path,line]}}}
//! ```
//!
//! Every event begins with `,\n`, so that parts of the report can be written independently; the first one's comma is
//! left out: traces in JSON need not name anything, and then the first part has to begin with an event. Perfetto shows
//! `\u` escapes literally, so text stays UTF-8.

mod event;
mod life;
mod literal;
mod microseconds;
mod pieces;

use super::lives::Lives;
use super::part::Reader;
use super::text::Text;
use super::writer::{Report, ReportEnd, Tail, Writer, WrittenPart, task_names};
use crate::error::MergeError;
use crate::events::decode::{Event, Outcome};
use crate::events::selection::FileSelection;
use crate::events::timeline::{Call, StackEvent};
use crate::plan::file::FilePlan;
use crate::report::sources::Sources;
use crate::text::display::function_name;
use event::FileText;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use viztracer_format::names::Function;

/// Writes a Chrome trace.
#[derive(Debug)]
pub struct Json {
    /// Whether events show where events are missing. The metadata always says it.
    pub show_losses: bool,
    lives: Lives,
}

impl Json {
    /// With events that show where events are missing, or without.
    pub fn new(show_losses: bool) -> Json {
        Json { show_losses, lives: Lives::default() }
    }
}

impl Writer for Json {
    type File = FileText;
    const NESTED: bool = false;
    const SOURCES: bool = true;

    fn file(&self, plan: &FilePlan) -> FileText {
        FileText::new(plan)
    }

    fn function(&self, file: &mut FileText, id: u32, function: &Function<'_>) {
        file.add(id, function);
    }

    fn begin(&self, report: &Report<'_>, text: &mut Text) {
        text.put(br#"{"traceEvents":["#);
        let mut all = Text::default();
        report.files.iter().for_each(|file| names_of(file, &mut all));
        text.put(all.as_bytes().strip_prefix(b",").unwrap_or_default());
    }

    fn is_nested(&self, report: &Report<'_>) -> bool {
        report.files.iter().any(FilePlan::may_have_tasks)
    }

    fn part(&self, reader: &mut Reader<'_>, file: &FileText, text: &mut Text) -> Outcome {
        let begin = text.len();
        let is_first = reader.part.is_first() && text.as_bytes().ends_with(b"[");
        let outcome = self.events(reader, file, text);
        if self.show_losses {
            // Behind the first call: should it have the same begin and end, it is the one around.
            reader.missing().for_each(|missing| file.missing(&missing, text));
        }
        if is_first {
            if text.len() == begin {
                name(reader.plan.pid, reader.plan.pid, "process_name", &reader.plan.process_name(), text);
            }
            text.blank(begin);
        }
        outcome
    }

    fn follow(&self, written: &WrittenPart<'_, FileText>, tail: &mut Tail<'_>) -> Result<u64, MergeError> {
        let (lives, _) = self.lives.follow(written);
        let Some(plan) = written.report.files.get(written.part.file) else { return Ok(0) };
        let tasks = lives.iter().filter(|life| life.function.is_none()).map(|life| life.task).collect();
        let names = task_names(plan, &tasks);
        for life in &lives {
            written.file.life(life, names.get(&life.task).map(String::as_str), &mut tail.text);
            tail.flush_if_large()?;
        }
        // Each has a begin and an end.
        Ok(2 * lives.len() as u64)
    }

    fn end(&self, end: &ReportEnd<'_>, tail: &mut Tail<'_>) -> Result<(), MergeError> {
        for (plan, tasks) in end.report.files.iter().zip(end.tasks) {
            names_of_tasks(plan, tasks, tail)?;
        }
        tail.text.put(b"\n],\n\"viztracer_metadata\":");
        tail.text.put(end.summary.metadata().as_bytes());
        members(end.report.files, &mut tail.text);
        if let Some(sources) = end.sources {
            file_info(sources, end, tail)?;
        }
        tail.text.put(b"}\n");
        Ok(())
    }
}

impl Json {
    fn events(&self, reader: &mut Reader<'_>, file: &FileText, text: &mut Text) -> Outcome {
        if reader.selection.is_some_and(FileSelection::is_nested) {
            return self.lives.stack_events(reader, |event, _| match event {
                StackEvent::Begin(_) => {}
                StackEvent::End(call, _) if call.is_overwritten() => {}
                StackEvent::End(call, payload) => put(&call.event(payload.copied()), call, file, text),
                StackEvent::Instant(event) => file.event(event, text),
            });
        }
        let mut outcome = Outcome::default();
        reader.unfinished(&mut outcome, |event, call| put(event, call, file, text));
        outcome.append(reader.events(|event| file.event(event, text)));
        if reader.plan.may_have_tasks() {
            // Lives follow from nested calls. The events are as they are recorded, whether there are lives or not.
            self.lives.stack_events(reader, |_, _| {});
        }
        outcome
    }
}

fn put(event: &Event<'_>, call: &Call, file: &FileText, text: &mut Text) {
    match call.is_unfinished {
        true => file.unfinished(event, call.is_inherited, text),
        false => file.event(event, text),
    }
}

/// The names of a file's process and threads.
fn names_of(file: &FilePlan, text: &mut Text) {
    let pid = file.pid;
    if file.names(&file.process) {
        name(pid, pid, "process_name", &file.process_name(), text);
    }
    for thread in file.threads.iter().filter(|thread| file.names(&thread.name)) {
        name(pid, thread.tid as u32, "thread_name", &thread.display_name(), text);
    }
}

/// The names of a file's tasks, whose tracks look like those of threads: only now is it known which of them are shown.
fn names_of_tasks(plan: &FilePlan, tasks: &BTreeSet<u32>, tail: &mut Tail<'_>) -> Result<(), MergeError> {
    let pid = plan.pid;
    for (serial, given) in task_names(plan, tasks) {
        name(pid, event::task_track(serial), "thread_name", &given, &mut tail.text);
        tail.flush_if_large()?;
    }
    Ok(())
}

fn name(pid: u32, tid: u32, kind: &str, name: &str, text: &mut Text) {
    let head = format!(",\n{{\"ph\":\"M\",\"pid\":{pid},\"tid\":{tid},\"name\":\"{kind}\",\"args\":{{\"name\":");
    text.put(head.as_bytes());
    text.put_string(name);
    text.put(b"}}");
}

/// What the first of the inputs that are documents themselves holds beside events.
fn members(files: &[FilePlan], text: &mut Text) {
    let first = files.iter().find_map(|plan| plan.imported());
    for (key, value) in first.iter().flat_map(|first| &first.members) {
        text.put(b",\n");
        text.put_string(key);
        text.put(b":");
        text.put(value.to_string().as_bytes());
    }
}

/// The program's text, and which function stands where.
fn file_info(sources: &Sources, end: &ReportEnd<'_>, tail: &mut Tail<'_>) -> Result<(), MergeError> {
    tail.text.put(b",\n\"file_info\":{\"files\":{");
    let mut is_first = true;
    let mut definitions = Vec::new();
    end.put_sources(tail, |shown, of, source, text| {
        file(&shown, source, is_first, text);
        is_first = false;
        definitions.push((shown, of.definitions));
    })?;
    tail.text.put(b"},\n\"functions\":{");
    let mut is_first = true;
    for (path, definitions) in &definitions {
        for (line, name) in definitions {
            function(name, path, *line, is_first, &mut tail.text);
            is_first = false;
            tail.flush_if_large()?;
        }
    }
    tail.text.put(b"}");
    left_out(sources, &mut tail.text);
    tail.text.put(b"}");
    Ok(())
}

/// How many files have no text here, and why.
fn left_out(sources: &Sources, text: &mut Text) {
    let left_out: Map<String, Value> =
        sources.left_out().counts().map(|(reason, files)| (reason.to_owned(), files.into())).collect();
    if !left_out.is_empty() {
        text.put(b",\n\"left_out\":");
        text.put(Value::Object(left_out).to_string().as_bytes());
    }
}

fn file(path: &str, source: &[u8], is_first: bool, text: &mut Text) {
    text.put(if is_first { b"\n" } else { b",\n" });
    text.put_string(path);
    text.put(b":");
    text.put(source);
}

fn function(name: &str, path: &str, line: u32, is_first: bool, text: &mut Text) {
    text.put(if is_first { b"\n" } else { b",\n" });
    text.put_string(&function_name(name, path, line));
    text.put(b":[");
    text.put_string(path);
    text.put(b",");
    text.put_number(line.into());
    text.put(b"]");
}
